#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The HLR/AuC that hostapd's EAP server asks (its README: eap_sim_db), for one subscriber; osmo-auc-gen computes.

    auc_gateway.py SOCKET IMSI K OPC SQN
"""
import os
import socket
import subprocess
import sys

IND = 32  # a step of the index part: 5 bits


def compute(*arguments):
    """osmo-auc-gen's "NAME: value" lines."""
    said = subprocess.run(["osmo-auc-gen", "-3", "-a", "MILENAGE", "-f", "8000", *arguments], capture_output=True, text=True,
                          check=True).stdout
    return {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in said.splitlines())}


class AuC:
    def __init__(self, imsi, k, opc, sqn):
        self.imsi, self.keys, self.sqn = imsi, ["-k", k, "-o", opc], sqn

    def vector(self):
        vector = compute(*self.keys, "-s", str(self.sqn))
        self.sqn += IND
        return vector

    def answer(self, words):
        command, imsi = words[0], words[1]
        if imsi != self.imsi:
            return command.replace("REQ", "RESP") + f" {imsi} FAILURE"
        if command == "SIM-REQ-AUTH":  # the triplets of a USIM's GSM context, whose SQN counts for nothing
            triplets = (compute(*self.keys, "-s", "0") for _ in range(int(words[2])))
            return f"SIM-RESP-AUTH {imsi} " + " ".join(f"{t['Kc']}:{t['SRES']}:{t['RAND']}" for t in triplets)
        if command == "AKA-REQ-AUTH":
            v = self.vector()
            print("challenge", flush=True)
            return f"AKA-RESP-AUTH {imsi} {v['RAND']} {v['AUTN']} {v['IK']} {v['CK']} {v['RES']}"
        if command == "AKA-AUTS":
            auts, rand = words[2], words[3]
            found = compute(*self.keys, "-A", auts, "-r", rand)
            self.sqn = int(found["SQN.MS"]) + IND
            print("resynchronised", flush=True)
        return None


def main(path, imsi, k, opc, sqn):
    auc = AuC(imsi, k, opc, int(sqn))
    door = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    door.bind(path)
    try:
        while True:
            request, peer = door.recvfrom(1000)
            reply = auc.answer(request.decode().split())
            if reply:
                door.sendto(reply.encode(), peer)
    finally:
        os.unlink(path)


main(*sys.argv[1:])
