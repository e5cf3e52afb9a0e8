"""Linux and root: network namespaces, netlink, TUN devices; what the kernel itself says."""
