# Updates uniformly random pages of a 160 MiB buffer.
exec work rand 160
