"""GLBP frames made without any of firsthop's code: struct, and keyed MD5 as RFC 1828 has it by hashlib.

Reads one JSON object a line, writes each frame as a line of hexadecimal digits. What an object leaves out is as a sound
message of group 10 has it; `order` says which TLVs come in which order, `spoilt` what is made wrong at the end.
"""

import hashlib
import ipaddress
import json
import struct
import sys

KINDS = {"hello": 0, "request": 1, "response": 2}
STATES = {"none": 0, "disabled": 1, "initial": 2, "listen": 4, "speak": 8, "standby": 16, "active": 32}


def mac(text):
    return bytes.fromhex(text.replace(":", ""))


def keyed_md5(key, message):
    """The key, filled up as MD5 itself would, the message, and the key again."""
    filled = key + b"\x80" + b"\0" * ((55 - len(key)) % 64) + struct.pack("<Q", 8 * len(key))
    return hashlib.md5(filled + message + key).digest()


def state(name):
    return STATES.get(name, name)


def tlv(kind, value, length=None):
    return bytes([kind, len(value) + 2 if length is None else length]) + value


def gateway(wish):
    address = ipaddress.ip_address(wish.get("address", "10.0.10.1"))
    value = struct.pack(
        ">BBBBHIIHHHBB",
        0,
        state(wish["state"]),
        0,
        wish["priority"],
        0,
        wish.get("hello", 1000),
        wish.get("hold", 60000),
        wish.get("redirect", 600),
        wish.get("timeout", 14400),
        0,
        1 if address.version == 4 else 2,
        len(address.packed),
    )
    return tlv(1, value + address.packed + bytes.fromhex(wish.get("more", "")))


def forwarder(wish, group):
    number = wish["number"]
    virtual = f"00:07:b4:{group >> 8:02x}:{group & 255:02x}:{number:02x}" if number else "00:00:00:00:00:00"
    value = struct.pack(
        ">BBBBBBHH",
        number,
        state(wish.get("state", "none")),
        0,
        wish.get("priority", 0),
        wish.get("weighting", 0),
        # Cisco's routers leave something there.
        wish.get("padding", 0x81),
        wish.get("lifetime", 0),
        wish.get("redirection", 0),
    )
    return tlv(2, value + bytes.fromhex(wish.get("tail", "5f36")) + mac(wish.get("mac", virtual)))


def authentication(wish, sender):
    """The TLV, and where in it the digest belongs."""
    if "text" in wish:
        text = wish["text"].encode() + bytes(wish.get("zero", 1))
        return tlv(3, bytes([1, len(text)]) + text), None
    place = sender.packed.ljust(16, b"\0")
    if "key_id" in wish:
        return tlv(3, bytes([3, 20]) + struct.pack(">I", wish["key_id"]) + place), 8
    if "key" in wish:
        return tlv(3, bytes([2, 16]) + place), 4
    if "method" in wish:
        return tlv(3, bytes([wish["method"], 0])), None
    return b"", None


def challenge(wish):
    peers = wish.get("peers", {})
    value = bytes([len(peers), wish.get("generation", 0)]) + bytes.fromhex(wish["nonce"])
    for owner, nonce in peers.items():
        value += mac(owner) + bytes.fromhex(nonce) + b"\x0b\xb8"
    return tlv(4, value)


def message(wish, sender):
    group = wish.get("group", 10)
    octets = struct.pack(
        ">BBHH6s", wish.get("version", 1), KINDS.get(wish["kind"], wish["kind"]), group, 0, mac(wish["owner"])
    )
    proof, digest_in = authentication(wish, sender)
    parts = {
        "authentication": [proof],
        "challenge": [challenge(wish["challenge"])] if "challenge" in wish else [],
        "gateway": [gateway(wish["gateway"])] if "gateway" in wish else [],
        "forwarders": [forwarder(one, group & 1023) for one in wish.get("forwarders", [])],
        "unknown": [bytes.fromhex(wish.get("unknown", ""))],
    }
    order = wish.get("order", ["authentication", "challenge", "gateway", "forwarders", "unknown"])
    octets += b"".join(b"".join(parts[name]) for name in order)
    if "key" in wish:
        digest = keyed_md5(wish["key"].encode(), octets)
        if wish.get("spoilt") == "digest":
            digest = bytes([digest[0] ^ 1]) + digest[1:]
        # The authentication is the first TLV wherever a digest is made here.
        octets = octets[: 12 + digest_in] + digest + octets[12 + digest_in + 16 :]
    if wish.get("spoilt") == "cut":
        return octets[:-1]
    if wish.get("spoilt") == "header":
        return octets[:11]
    return octets


def checksum(octets):
    octets += b"\0" * (len(octets) % 2)
    total = sum(struct.unpack(f">{len(octets) // 2}H", octets))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF


def frame(wish):
    source = ipaddress.ip_address(wish["source"])
    everybody = "224.0.0.102" if source.version == 4 else "ff02::66"
    destination = ipaddress.ip_address(wish.get("destination", everybody))
    payload = message(wish, source)
    udp = struct.pack(">HHHH", wish.get("port", 3222), 3222, 8 + len(payload), 0) + payload
    pseudo = source.packed + destination.packed + struct.pack(">HH", 17, len(udp))
    total = checksum(pseudo + udp) or 0xFFFF
    udp = udp[:6] + struct.pack(">H", total) + udp[8:]
    to = "01:00:5e:00:00:66" if source.version == 4 else "33:33:00:00:00:66"
    ethernet = mac(wish.get("to", to)) + mac(wish.get("mac", wish["owner"]))
    ttl = wish.get("ttl", 255)
    if source.version == 6:
        header = struct.pack(">IHBB", 6 << 28 | 0xC0 << 20, len(udp), 17, ttl) + source.packed + destination.packed
        return ethernet + b"\x86\xdd" + header + udp
    header = struct.pack(">BBHHHBBH", 0x45, 0xC0, 20 + len(udp), 0, 0, ttl, 17, 0) + source.packed + destination.packed
    header = header[:10] + struct.pack(">H", checksum(header)) + header[12:]
    return ethernet + b"\x08\x00" + header + udp


for line in sys.stdin:
    print(frame(json.loads(line)).hex())
