"""HSRP frames made without any of firsthop's code: headers and version 1 by Scapy's layers, version 2 by struct (Scapy has
none), digests by hashlib.

Reads one JSON object a line: version, operation, state, group, priority, hello, hold, source, mac, virtual, address, and
either text or key. Writes each frame as a line of hexadecimal digits, or sends it on the interface that is named.
"""

import hashlib
import ipaddress
import json
import struct
import sys

from scapy.layers.hsrp import HSRP, HSRPmd5
from scapy.layers.inet import IP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Ether
from scapy.packet import Raw
from scapy.sendrecv import sendp

OPERATIONS = {"hello": 0, "coup": 1, "resign": 2}
STATES = {
    1: {"initial": 0, "learn": 1, "listen": 2, "speak": 4, "standby": 8, "active": 16},
    2: {"initial": 1, "learn": 2, "listen": 3, "speak": 4, "standby": 5, "active": 6},
}


def keyed_md5(key, message):
    """RFC 1828: the key, filled up as MD5 itself would, the message, and the key again."""
    filled = key + b"\x80" + b"\0" * ((55 - len(key)) % 64) + struct.pack("<Q", 8 * len(key))
    return hashlib.md5(filled + message + key).digest()


def md5_tlv(source, key_id, digest):
    address = ipaddress.ip_address(source).packed[-4:]
    tlv = HSRPmd5(
        type=4, len=28, algo=1, sourceip=str(ipaddress.ip_address(address)), keyid=key_id, authdigest=digest
    )
    return bytes(tlv)


def signed(unsigned, wish):
    """The message with an MD5 TLV behind it."""
    source, key, key_id = wish["source"], wish["key"].encode(), wish.get("key_id", 0)
    digest = keyed_md5(key, unsigned + md5_tlv(source, key_id, b"\0" * 16))
    return unsigned + md5_tlv(source, key_id, digest)


def version_1(wish):
    text = b"" if "key" in wish else wish["text"].encode()
    message = HSRP(
        opcode=OPERATIONS[wish["operation"]],
        state=STATES[1][wish["state"]],
        hellotime=wish["hello"],
        holdtime=wish["hold"],
        priority=wish["priority"],
        group=wish["group"],
        auth=text.ljust(8, b"\0"),
        virtualIP=wish["address"],
    )
    octets = bytes(message)
    return signed(octets, wish) if "key" in wish else octets


def version_2(wish):
    address = ipaddress.ip_address(wish["address"])
    octets = struct.pack(
        ">BBBBBBH6sIII16s",
        1,
        40,
        2,
        OPERATIONS[wish["operation"]],
        STATES[2][wish["state"]],
        address.version,
        wish["group"],
        bytes.fromhex(wish["mac"].replace(":", "")),
        wish["priority"],
        wish["hello"] * 1000,
        wish["hold"] * 1000,
        address.packed,
    )
    if "key" in wish:
        return signed(octets, wish)
    return octets + struct.pack(">BB8s", 3, 8, wish["text"].encode())


def frame(wish):
    version, source = wish["version"], wish["source"]
    octets = version_1(wish) if version == 1 else version_2(wish)
    mac = wish["virtual"] if wish["state"] == "active" else wish["mac"]
    if ipaddress.ip_address(source).version == 6:
        inner = IPv6(src=source, dst="ff02::66", hlim=255, tc=0xE0) / UDP(sport=2029, dport=2029)
        return Ether(src=mac, dst="33:33:00:00:00:66") / inner / Raw(octets)
    last, ttl = (2, 1) if version == 1 else (102, 255)
    inner = IP(src=source, dst=f"224.0.0.{last}", ttl=ttl, tos=0xC0, id=0) / UDP(sport=1985, dport=1985)
    return Ether(src=mac, dst=f"01:00:5e:00:00:{last:02x}") / inner / Raw(octets)


def main():
    interface = sys.argv[1] if len(sys.argv) > 1 else None
    frames = [frame(json.loads(line)) for line in sys.stdin if line.strip()]
    for one in frames:
        if interface:
            sendp(one, iface=interface, verbose=False)
        else:
            print(bytes(one).hex())


main()
