"""CARP advertisements made without any of firsthop's code: struct, and HMAC-SHA1 by hashlib.

Reads one JSON object a line, writes each frame as a line of hexadecimal digits. What an object leaves out is as a sound
advertisement has it; `spoilt` names what is made wrong at the end.
"""

import hashlib
import hmac
import ipaddress
import json
import struct
import sys


def digest(wish, counter):
    """Version and type as octets of their own, the number, the addresses of each family in order, the counter."""
    addresses = [ipaddress.ip_address(address) for address in wish["addresses"]]
    message = bytes([2, 1, wish["vhid"]])
    for version in (4, 6):
        message += b"".join(sorted({address.packed for address in addresses if address.version == version}))
    return hmac.new(wish["password"].encode(), message + counter, hashlib.sha1).digest()


def checksum(octets):
    octets += b"\0" * (len(octets) % 2)
    total = sum(struct.unpack(f">{len(octets) // 2}H", octets))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF


def advertisement(wish):
    counter = struct.pack(">Q", wish["counter"])
    proof = digest(wish, counter)
    spoilt = wish.get("spoilt", "")
    if spoilt == "digest":
        proof = bytes([proof[0] ^ 1]) + proof[1:]
    first = wish.get("version", 2) << 4 | wish.get("type", 1)
    words = wish.get("authlen", 7)
    head = struct.pack(">BBBBBB", first, wish["vhid"], wish["skew"], words, wish.get("demote", 0), wish["base"])
    total = checksum(head + b"\0\0" + counter + proof)
    if spoilt == "checksum":
        total ^= 1
    message = head + struct.pack(">H", total) + counter + proof
    if spoilt == "length":
        return message[:32]
    return message + bytes.fromhex(wish.get("trailing", ""))


def mac(text):
    return bytes.fromhex(text.replace(":", ""))


def frame(wish):
    source = ipaddress.ip_address(wish["source"])
    message, ttl = advertisement(wish), wish.get("ttl", 255)
    virtual = f"00:00:5e:00:01:{wish['vhid']:02x}"
    source_mac = mac(wish.get("mac", virtual))
    if source.version == 6:
        destination = ipaddress.ip_address(wish.get("destination", "ff02::12"))
        header = struct.pack(">IHBB", 6 << 28, len(message), 112, ttl) + source.packed + destination.packed
        return mac("33:33:00:00:00:12") + source_mac + b"\x86\xdd" + header + message
    destination = ipaddress.ip_address(wish.get("destination", "224.0.0.18"))
    header = struct.pack(">BBHHHBBH", 0x45, 0x10, 20 + len(message), 0, 0x4000, ttl, 112, 0)
    header += source.packed + destination.packed
    header = header[:10] + struct.pack(">H", checksum(header)) + header[12:]
    return mac(wish.get("to", "01:00:5e:00:00:12")) + source_mac + b"\x08\x00" + header + message


for line in sys.stdin:
    print(frame(json.loads(line)).hex())
