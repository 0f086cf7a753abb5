/* No libc: a few pages of code and data, loads, stores, read-modify-writes and accesses across pages. */
static unsigned char data[64 * 4096] __attribute__((aligned(4096)));
static void sys_exit(int code) { __asm__ volatile("syscall" : : "a"(60), "D"(code) : "rcx", "r11", "memory"); __builtin_unreachable(); }
void _start(void)
{
    unsigned long sum = 0;
    for (int i = 0; i < 64; i++)
        data[i * 4096] = i;
    for (int i = 63; i >= 0; i -= 3)
        data[i * 4096 + 8]++;
    for (int i = 1; i < 16; i++)
        sum += *(volatile unsigned long *)(data + i * 4096 - 4);
    sys_exit((int)(sum & 0));
}
