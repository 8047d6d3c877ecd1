# Reset: clear memory, paint the stack, so that whoever looks later sees how deep it has been.
    .section .init
    .globl _start
_start:
    la sp, stack_top
    la t0, bss_start
    la t1, bss_end
1:  bgeu t0, t1, 2f
    sw zero, 0(t0)
    addi t0, t0, 4
    j 1b
2:  la t0, stack_bottom
    li t2, 0xA5A5A5A5
3:  bgeu t0, sp, 4f
    sw t2, 0(t0)
    addi t0, t0, 4
    j 3b
4:  call main
5:  j 5b
