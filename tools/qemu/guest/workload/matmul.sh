# C = A * B of doubles, 2048 x 2048 (96 MiB), row by row.
exec work matmul 2048
