# Reads pages of a 160 MiB buffer, their popularity Zipf-distributed (exponent 0.99) and scattered.
exec work zipf 160
