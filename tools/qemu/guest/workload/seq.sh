# Writes every word of a 160 MiB buffer in order, again and again.
exec work seq 160
