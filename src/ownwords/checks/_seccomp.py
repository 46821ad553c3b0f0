"""The filter of system calls for what runs in the sandbox: a program for the kernel, as bubblewrap takes it.

It refuses what a Python program does not need and what reaches past namespaces and limits: tracing other processes,
new namespaces and mounts, memory that no limit counts (memfd, System V), kernel interfaces known for their bugs
(io_uring, bpf, perf, userfaultfd, keyrings), and sockets of families that know no network namespace.
"""

from __future__ import annotations

import platform
import struct

#: Numbers of refused calls: x86-64, ARM64.
_REFUSED: dict[str, tuple[int, int]] = {
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "process_madvise": (440, 440),
    "pidfd_getfd": (438, 438),
    "kcmp": (312, 272),
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "shmget": (29, 194),
    "semget": (64, 190),
    "msgget": (68, 186),
    "mq_open": (240, 180),
    "vmsplice": (278, 75),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "unshare": (272, 97),
    "setns": (308, 268),
    "chroot": (161, 51),
    "pivot_root": (155, 41),
    "mount": (165, 40),
    "umount2": (166, 39),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    "fanotify_init": (300, 262),
    "quotactl": (179, 60),
    "swapon": (167, 224),
    "acct": (163, 89),
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
}
_CLONE, _CLONE3, _SOCKET = (56, 220), (435, 435), (41, 198)
_AUDIT = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
#: CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET
_NEW_NAMESPACES = 0x7E020000
#: AF_UNIX, AF_INET, AF_INET6
_FAMILIES = (1, 2, 10)
_X32 = 0x40000000

_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _KILL = 0x7FFF0000, 0x80000000
_NOT_PERMITTED, _NOT_THERE = 0x00050000 | 1, 0x00050000 | 38
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT = 0, 4, 16


def machine() -> str | None:
    """This machine's name in the tables above; None if it is not in them."""
    name = {"arm64": "aarch64", "amd64": "x86_64"}.get(platform.machine().lower(), platform.machine().lower())
    return name if name in _AUDIT else None


def filter_for(name: str) -> bytes:
    """The filter for a machine that `machine` names."""
    column = list(_AUDIT).index(name)
    code = [
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_EQUAL, 1, 0, _AUDIT[name]),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _NUMBER),
    ]
    if name == "x86_64":  # the same calls under other numbers
        code += _if(_AT_LEAST, _X32, _NOT_PERMITTED)
    for numbers in _REFUSED.values():
        code += _if(_EQUAL, numbers[column], _NOT_PERMITTED)
    code += _if(_EQUAL, _CLONE3[column], _NOT_THERE)  # its flags cannot be seen; the C library then takes clone
    code += [
        (_EQUAL, 0, 4, _CLONE[column]),
        (_LOAD, 0, 0, _FIRST_ARGUMENT),
        *_if(_ANY_BIT, _NEW_NAMESPACES, _NOT_PERMITTED),
        (_RETURN, 0, 0, _ALLOW),
        (_EQUAL, 1, 0, _SOCKET[column]),
        (_RETURN, 0, 0, _ALLOW),
        (_LOAD, 0, 0, _FIRST_ARGUMENT),
    ]
    for family in _FAMILIES:
        code += _if(_EQUAL, family, _ALLOW)
    code.append((_RETURN, 0, 0, _NOT_PERMITTED))
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in code)


def _if(test: int, operand: int, result: int) -> list[tuple[int, int, int, int]]:
    """Return a result where the test holds, else go on."""
    return [(test, 0, 1, operand), (_RETURN, 0, 0, result)]
