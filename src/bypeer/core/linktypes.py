"""What link types are called: as tcpdump has it (tcpdump -L, libpcap's dlt.h)."""

from __future__ import annotations

from bypeer.core.link import OF_SNOOP

_NAMES = {
    0: "NULL", 1: "EN10MB", 2: "EN3MB", 3: "AX25", 6: "IEEE802", 7: "ARCNET", 8: "SLIP", 9: "PPP", 10: "FDDI",
    11: "ATM_RFC1483", 12: "RAW", 14: "RAW", 50: "PPP_SERIAL", 51: "PPP_ETHER", 99: "SYMANTEC_FIREWALL",
    100: "ATM_RFC1483", 101: "RAW", 104: "C_HDLC", 105: "IEEE802_11", 106: "ATM_CLIP", 107: "FRELAY",
    108: "LOOP", 109: "ENC", 113: "LINUX_SLL", 114: "LTALK", 117: "PFLOG", 119: "PRISM_HEADER",
    122: "IP_OVER_FC", 123: "SUNATM", 127: "IEEE802_11_RADIO", 129: "ARCNET_LINUX", 130: "JUNIPER_MLPPP",
    131: "JUNIPER_MLFR", 132: "JUNIPER_ES", 133: "JUNIPER_GGSN", 134: "JUNIPER_MFR", 135: "JUNIPER_ATM2",
    136: "JUNIPER_SERVICES", 137: "JUNIPER_ATM1", 138: "APPLE_IP_OVER_IEEE1394", 139: "MTP2_WITH_PHDR",
    140: "MTP2", 141: "MTP3", 142: "SCCP", 143: "DOCSIS", 144: "LINUX_IRDA", 163: "IEEE802_11_RADIO_AVS",
    164: "JUNIPER_MONITOR", 165: "BACNET_MS_TP", 166: "PPP_PPPD", 167: "JUNIPER_PPPOE",
    168: "JUNIPER_PPPOE_ATM", 169: "GPRS_LLC", 177: "LINUX_LAPD", 178: "JUNIPER_ETHER", 179: "JUNIPER_PPP",
    180: "JUNIPER_FRELAY", 181: "JUNIPER_CHDLC", 182: "MFR", 183: "JUNIPER_VP", 187: "BLUETOOTH_HCI_H4",
    189: "USB_LINUX", 190: "CAN20B", 192: "PPI", 195: "IEEE802_15_4_WITHFCS", 197: "ERF", 200: "JUNIPER_ST",
    201: "BLUETOOTH_HCI_H4_WITH_PHDR", 202: "AX25_KISS", 203: "LAPD", 204: "PPP_WITH_DIR",
    205: "C_HDLC_WITH_DIR", 206: "FRELAY_WITH_DIR", 220: "USB_LINUX_MMAPPED", 224: "FC_2", 226: "IPNET",
    227: "CAN_SOCKETCAN", 228: "IPV4", 229: "IPV6", 230: "IEEE802_15_4_NOFCS", 231: "DBUS", 239: "NFLOG",
    240: "NETANALYZER", 241: "NETANALYZER_TRANSPARENT", 242: "IPOIB", 243: "MPEG_2_TS", 249: "USBPCAP",
    251: "BLUETOOTH_LE_LL", 252: "WIRESHARK_UPPER_PDU", 253: "NETLINK", 254: "BLUETOOTH_LINUX_MONITOR",
    255: "BLUETOOTH_BREDR_BB", 256: "BLUETOOTH_LE_LL_WITH_PHDR", 258: "PKTAP", 259: "EPON", 266: "USB_DARWIN",
    270: "LORATAP", 271: "VSOCK", 272: "NORDIC_BLE", 274: "ETHERNET_MPACKET", 276: "LINUX_SLL2",
    280: "VPP_DISPATCH", 281: "DSA_TAG_BRCM", 282: "DSA_TAG_BRCM_PREPEND", 283: "IEEE802_15_4_TAP",
    284: "DSA_TAG_DSA", 285: "DSA_TAG_EDSA",
}  # fmt: skip
_USER = range(147, 163)  # left to whoever wants one


def link_type_name(link_type: int) -> str:
    """What tcpdump calls a link type; its number where nobody named it."""
    if link_type >= OF_SNOOP:
        return f"{link_type - OF_SNOOP} of snoop"
    if link_type in _USER:
        return f"USER{link_type - _USER.start}"
    return _NAMES.get(link_type, str(link_type))
