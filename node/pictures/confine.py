"""What a process gives up before it touches what strangers sent: new rights, the network, starting
anything, and whatever changes a file by its name or another process of its account (seccomp(2)).

Without a descriptor to spare it opens no file, but removing, renaming and cutting off need none:
the ledger is as much ours as the node's. The filter refuses system calls that decoding never needs;
a kernel without seccomp, or another architecture, leaves the limits and `no_new_privs`. Numbers are
those of the kernel's own tables (arch/x86/entry/syscalls/syscall_64.tbl,
include/uapi/asm-generic/unistd.h).
"""

import ctypes
import platform
import struct

PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS, FILTER = 22, 38, 2
LOAD, EQUAL, AT_LEAST, AND, RETURN = 0x20, 0x15, 0x35, 0x54, 0x06
ALLOW, KILL, REFUSE = 0x7FFF0000, 0x80000000, 0x00050000
EPERM, ENOSYS = 1, 38
CLONE_THREAD = 0x10000
X32 = 0x40000000
AUDIT = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
CLONE = {"x86_64": 56, "aarch64": 220}
CLONE3 = 435  # its flags lie in memory: without it the C library uses clone
FORBIDDEN = {
    "x86_64": (
        *(41, 42, 43, 49, 50, 53, 288),  # socket connect accept bind listen socketpair accept4
        *(57, 58, 59, 322),  # fork vfork execve execveat
        # kill tkill tgkill rt_sigqueueinfo rt_tgsigqueueinfo pidfd_send_signal
        *(62, 200, 234, 129, 297, 424),
        *(
            141,
            142,
            144,
            203,
            251,
            256,
            279,
            302,
            314,
            440,
        ),  # priority scheduler affinity ioprio pages prlimit64: of others too
        *(
            76,
            77,
            82,
            83,
            84,
            86,
            87,
            88,
            133,
            285,
        ),  # truncate ftruncate rename mkdir rmdir link unlink symlink mknod fallocate
        # mkdirat mknodat unlinkat renameat linkat symlinkat renameat2
        *(258, 259, 263, 264, 265, 266, 316),
        # chmod fchmod chown fchown lchown fchownat fchmodat fchmodat2
        *(90, 91, 92, 93, 94, 260, 268, 452),
        # times, and extended attributes
        *(132, 235, 261, 280, 188, 189, 190, 197, 198, 199, 463, 466),
        *(101, 310, 311),  # ptrace process_vm_readv process_vm_writev
        *(155, 161, 165, 166, 272, 308),  # pivot_root chroot mount umount2 unshare setns
        # kexec_load keys perf bpf userfaultfd io_uring pidfd_open, _getfd
        *(246, 248, 249, 250, 298, 321, 323, 425, 434, 438),
    ),
    "aarch64": (
        # socket socketpair bind listen accept connect accept4
        *(198, 199, 200, 201, 202, 203, 242),
        *(221, 281),  # execve execveat
        # kill tkill tgkill rt_sigqueueinfo rt_tgsigqueueinfo pidfd_send_signal
        *(129, 130, 131, 138, 240, 424),
        # priority scheduler affinity ioprio pages prlimit64: of others too
        *(30, 118, 119, 122, 140, 238, 239, 261, 274, 440),
        # mknodat mkdirat unlinkat symlinkat linkat renameat (f)truncate fallocate
        *(33, 34, 35, 36, 37, 38, 45, 46, 47, 276),
        *(52, 53, 54, 55, 452),  # fchmod fchmodat fchownat fchown fchmodat2
        *(88, 5, 6, 7, 14, 15, 16, 463, 466),  # times, and extended attributes
        *(117, 270, 271),  # ptrace process_vm_readv process_vm_writev
        *(41, 51, 40, 39, 97, 268),  # pivot_root chroot mount umount2 unshare setns
        *(104, 217, 218, 219, 241, 280, 282, 425, 434, 438),
    ),
}


class _Program(ctypes.Structure):
    _fields_ = [("count", ctypes.c_ushort), ("steps", ctypes.c_void_p)]


def confine() -> bool:
    """Give them up, for good; returns whether the kernel took the filter."""
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    prctl(
        PR_SET_NO_NEW_PRIVS,
        ctypes.c_ulong(1),
        ctypes.c_ulong(0),
        ctypes.c_ulong(0),
        ctypes.c_ulong(0),
    )
    machine = platform.machine()
    if machine not in AUDIT:
        return False
    steps = ctypes.create_string_buffer(_filter(machine))
    program = _Program(len(steps.raw) // 8, ctypes.addressof(steps))
    return bool(prctl(PR_SET_SECCOMP, ctypes.c_ulong(FILTER), ctypes.byref(program)) == 0)


def _filter(machine: str) -> bytes:
    """The classic BPF program: the offsets are those of struct seccomp_data (number 0, architecture
    4, first argument 16)."""

    def step(code: int, value: int, yes: int = 0, no: int = 0) -> bytes:
        return struct.pack("=HBBI", code, yes, no, value)

    steps = [step(LOAD, 4), step(EQUAL, AUDIT[machine], 1), step(RETURN, KILL), step(LOAD, 0)]
    steps += [step(AT_LEAST, X32, 0, 1), step(RETURN, REFUSE | ENOSYS)]
    steps += [step(EQUAL, CLONE3, 0, 1), step(RETURN, REFUSE | ENOSYS)]
    for number in FORBIDDEN[machine]:
        steps += [step(EQUAL, number, 0, 1), step(RETURN, REFUSE | EPERM)]
    steps += [step(EQUAL, CLONE[machine], 0, 4), step(LOAD, 16), step(AND, CLONE_THREAD)]
    steps += [step(EQUAL, CLONE_THREAD, 1), step(RETURN, REFUSE | EPERM), step(RETURN, ALLOW)]
    return b"".join(steps)
