#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# test_pysim_ota.sh SOFTUICC: secured packets between ours and pySim's OTA code ($PYSIM: a checkout), for every algorithm and SPI that it knows. `softuicc ota encode` -> pySim
# reads it, commands and responses; pySim writes it -> `softuicc ota decode` says that a card would take it; and wherever pySim's packet is a packet, ours is the same octets.
# TAP on standard output; a plan of none says why it cannot be tried here.
set -u
softuicc=$(readlink -f "${1:?Usage: test_pysim_ota.sh SOFTUICC}")
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/tap.bash
. "$here/../tap.bash"
[[ -n ${PYSIM-} ]] || skip_all "PYSIM is not set: a checkout of pySim"
[[ -r $PYSIM/pySim/ota.py ]] || skip_all "$PYSIM has no pySim/ota.py"
lib=$(dirname "$PYSIM")/pysim-lib # modules that Debian lacks may lie beside it
export PYTHONPATH="$PYSIM:$lib${PYTHONPATH:+:$PYTHONPATH}"
missing=$(/usr/bin/python3 -c 'import Cryptodome, construct' 2>&1) || skip_all "apt-get install python3-pycryptodome python3-construct: ${missing##*$'\n'}"
missing=$(/usr/bin/python3 -c 'from pySim.ota import OtaDialectSms, OtaKeyset, SPI' 2>&1) || skip_all "pySim's OTA code does not start: ${missing##*$'\n'}"
exec /usr/bin/python3 - "$softuicc" <<'PYTHON'
import itertools
import json
import subprocess
import sys
from pySim.ota import SPI, OtaDialectSms, OtaKeyset

softuicc = sys.argv[1]
CNTR, TAR, VERSION = 0x0102030405, 'B00001', 3
LONG = '9C26E0D3548BF17A15DC3EA872F6490B7788190A3C5DE264E1B04F9328D65C17'
SHORT = 'A94F1C62D80E73B5542B9DE6107FC83A6E35F2911A8C0BD4C75926E83D40B17A'
# name for people, pySim's names, octets of the key, nibble of KIc and KID
ALGORITHMS = [('DES', 'single_des', 'single_des', 8, 1), ('3DES', 'triple_des_cbc2', 'triple_des_cbc2', 16, 5),
              ('AES-128', 'aes_cbc', 'aes_cmac', 16, 2), ('AES-192', 'aes_cbc', 'aes_cmac', 24, 2), ('AES-256', 'aes_cbc', 'aes_cmac', 32, 2)]
SCRIPTS = ['00A4000C026F78', '00A4000C026F7800D60000020004', '00A4000C026F7800B0000002', '00A4000C026F7800D600000A' + 10 * '5A']
numbers = {'commands ours to pySim': 0, 'commands pySim to ours': 0, 'the same octets': 0, 'responses ours to pySim': 0}
wrong = []


def run(*args):
    done = subprocess.run([softuicc, 'ota', *args], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f'{" ".join(args)}: {done.stderr}')
    return done.stdout.strip()


def check(what, where, ok, detail=''):
    numbers[what] += 1
    if not ok:
        wrong.append(f'{what}: {where} {detail}')


def each_command(name, kic, kid, length, nibble):
    keys = OtaKeyset(kic, VERSION, bytes.fromhex(LONG)[:length], kid, VERSION, bytes.fromhex(SHORT)[:length], CNTR)
    octet = f'{VERSION:X}{nibble:X}'
    by_hand = ['--kic-key', LONG[:2 * length], '--kid-key', SHORT[:2 * length]]
    dialect = OtaDialectSms()
    for counter, ciphered, check_kind in itertools.product(range(4), (0, 4), range(3)):
        spi1 = counter << 3 | ciphered | check_kind
        if check_kind == 1 and nibble != 5:
            continue  # pySim's RC is CRC 32, which KID says with the nibble it takes for 3DES
        for spi2 in (0x00, 0x01, 0x02, 0x09, 0x11, 0x19, 0x39):
            spi = SPI.parse(bytes([spi1, spi2]))
            for script in SCRIPTS[:1] if spi2 != 0x19 else SCRIPTS:
                where = f'{name} SPI {spi1:02X}{spi2:02X} {script}'
                ours = run('encode', '--spi', f'{spi1:02X}{spi2:02X}', '--tar', TAR, '--data', script, '--counter', str(CNTR),
                           *by_hand, '--kic', octet, '--kid', octet)
                theirs = dialect.encode_cmd(keys, bytes.fromhex(TAR), spi, bytes.fromhex(script)).hex().upper()
                if not ciphered:  # pySim leaves CPL away from what is not ciphered
                    theirs = f'{len(theirs) // 2:04X}' + theirs
                check('the same octets', where, ours.upper() == theirs, f'\n{ours}\n{theirs}')
                # a CRC of 4 octets must not pass for a CC of 4, which 3DES has not: --mac-len
                said = json.loads(run('decode', '--as', 'command', '--json', '--mac-len', '8', *by_hand, theirs))
                section = said['sections'][0]  # what carries no check is of good form, and that is all that can be said of it
                fields = ''.join(f.get('octets', '') for f in section['fields'])
                refused = counter >= 2 and check_kind != 2  # a counter to be checked that anybody could move
                reason = 'status 0A' if refused else 'no CC to verify' if check_kind != 2 else 'the CC verifies'
                check('commands pySim to ours', where, section.get('verdict') == ('refused' if refused else 'accepted') and reason in section['why'] and script in fields, str(section))
                if ciphered and check_kind != 1:  # what pySim can read
                    tar, got, apdu = dialect.decode_cmd(keys, bytes.fromhex(ours))
                    check('commands ours to pySim', where, tar.hex().upper() == TAR and apdu.hex().upper() == script and SPI.build(got) == bytes([spi1, spi2]))


def each_response(name, kic, kid, length, nibble):
    keys = OtaKeyset(kic, VERSION, bytes.fromhex(LONG)[:length], kid, VERSION, bytes.fromhex(SHORT)[:length], CNTR)
    octet = f'{VERSION:X}{nibble:X}'
    for status, spi2, data in itertools.product(range(0x0D), (0x01, 0x09, 0x11, 0x19, 0x39), ('', '019000', '02900001020304050607')):
        where = f'{name} SPI2 {spi2:02X} status {status:02X} {data}'
        ours = run('encode', '--response', f'{status:02X}', '--spi', f'16{spi2:02X}', '--tar', TAR, '--counter', str(CNTR), '--data', data,
                   '--kic-key', LONG[:2 * length], '--kid-key', SHORT[:2 * length], '--kic', octet, '--kid', octet)
        packet, compact = OtaDialectSms().decode_resp(keys, SPI.parse(bytes([0x16, spi2])), bytes.fromhex(ours))
        ok = packet.tar.hex().upper() == TAR and int.from_bytes(packet.cntr, 'big') == CNTR and int(packet.response_status) == status
        if compact is not None:
            ok = ok and f'{compact.number_of_commands:02x}{compact.last_status_word}{compact.last_response_data}'.upper() == data
        check('responses ours to pySim', where, ok, str(packet))


for algorithm in ALGORITHMS:
    each_command(*algorithm)
    each_response(*algorithm)
for what, n in numbers.items():
    bad = [w for w in wrong if w.startswith(what)]
    print(f'{"not " if bad else ""}ok {list(numbers).index(what) + 1} - {what}: {n}')
    for w in bad[:5]:
        print('# ' + w.replace('\n', '\n# '))
print(f'1..{len(numbers)}')
sys.exit(bool(wrong))
PYTHON
