# Writes a buffer again and again, and looks before each write for pages that lost the last one.
# Its size: 64 MiB, or verify_mib= on the kernel's command line.
exec work verify "${verify_mib:-64}"
