#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""embed.py OUT.c FILE.yaml...: the built-in profiles as a C source (C17 has no #embed).

part-NAME.yaml can be included but is no profile by itself: the list of names leaves it out."""
import os
import sys


def main():
    out, inputs = sys.argv[1], sys.argv[2:]
    names = [os.path.splitext(os.path.basename(path))[0] for path in inputs]
    lines = ["/* made by embed.py; do not edit */", '#include "builtin.h"', '#include "profile_yaml.h"']
    for i, path in enumerate(inputs):
        with open(path, "rb") as f:
            data = f.read()
        lines.append("static const unsigned char text_%d[] = {" % i)
        for at in range(0, len(data), 24):
            lines.append("    " + "".join("%d," % b for b in data[at:at + 24]))
        lines.append("};")
    lines.append("const struct profile_builtin profile_builtins[] = {")
    for i, name in enumerate(names):
        lines.append('    {"%s", text_%d, sizeof text_%d},' % (name, i, i))
    lines.append("    {NULL, NULL, 0},\n};")
    lines.append("const char *const profile_builtin_names[] = {%s, NULL};" % ", ".join(
        '"%s"' % n for n in names if not n.startswith("part-")))
    with open(out, "w") as f:
        f.write("\n".join(lines) + "\n")


main()
