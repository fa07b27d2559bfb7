"""A script as agents run them: subprocesses of every kind, threads, sockets, and files in all ways that Python has.

workload.py DIR: all that it makes is below DIR.
"""
import multiprocessing
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from pathlib import Path


def subprocesses(top):
    subprocess.run(["sh", "-c", "echo one > one; cat one two 2>/dev/null; ls | wc -l; exit 3"], cwd=top, stdout=subprocess.PIPE)
    subprocess.run("for n in 1 2 3; do : > loop-$n; done; rm loop-2", shell=True, cwd=top, check=True)
    subprocess.run([sys.executable, "-c", "import json, sqlite3; open('from-child', 'w').close()"], cwd=top, check=True)
    first = subprocess.Popen(["echo", "text"], stdout=subprocess.PIPE)
    subprocess.run(["tr", "a-z", "A-Z"], stdin=first.stdout, stdout=subprocess.DEVNULL, check=True)
    first.wait()
    try:
        subprocess.run([str(top / "no-such-program")])
    except FileNotFoundError:
        pass
    child = os.fork()
    if child == 0:
        os.chdir(top)
        os.execvp("env", ["env", "-i", "X=1", "touch", "by-exec"])
    os.waitpid(child, 0)
    os.posix_spawn("/bin/true", ["true", "spawned"], os.environ)
    os.wait()


def in_pool(name):
    Path(name).write_text("pool")
    return os.getpid()


def processes(top):
    context = multiprocessing.get_context("fork")
    with context.Pool(2) as pool:
        pool.map(in_pool, [str(top / f"pool-{n}") for n in range(6)])


def files(top):
    here = os.getcwd()
    (top / "tree" / "deep" / "er").mkdir(parents=True)
    for n in range(20):
        (top / "tree" / "deep" / f"file {n}").write_text("x" * n)
    os.chdir(top / "tree")
    with open("../tree/./relative", "w") as out:
        out.write("x")
    os.symlink("deep/file 1", "pointer")
    open("pointer").close()
    os.link("relative", "second-name")
    os.replace("second-name", "deep/moved")
    folder = os.open("deep", os.O_RDONLY | os.O_DIRECTORY)
    os.close(os.open("by-dirfd", os.O_CREAT | os.O_WRONLY, dir_fd=folder))
    os.rename("by-dirfd", "renamed-by-dirfd", src_dir_fd=folder, dst_dir_fd=folder)
    os.unlink("renamed-by-dirfd", dir_fd=folder)
    os.mkfifo("pipe")
    os.close(folder)
    os.chdir(here)
    shutil.copytree(top / "tree" / "deep", top / "copied")
    shutil.make_archive(str(top / "archive"), "gztar", top / "copied")
    shutil.unpack_archive(str(top / "archive.tar.gz"), top / "unpacked")
    shutil.rmtree(top / "copied")
    with tempfile.TemporaryDirectory(dir=top) as name, tempfile.NamedTemporaryFile(dir=name):
        pass


def serve(server, count):
    for _ in range(count):
        peer, _ = server.accept()
        peer.sendall(peer.recv(100))
        peer.close()


def sockets(top):
    addresses = [(socket.AF_INET, ("127.0.0.1", 0)), (socket.AF_INET6, ("::1", 0)), (socket.AF_UNIX, str(top / "socket")), (socket.AF_UNIX, "\0" + str(top))]
    for family, address in addresses:
        server = socket.socket(family)
        server.bind(address)
        server.listen()
        thread = threading.Thread(target=serve, args=(server, 2))
        thread.start()
        for _ in range(2):
            client = socket.socket(family)
            client.connect(server.getsockname())
            client.sendall(b"hello")
            client.recv(100)
            client.close()
        thread.join()
        server.close()
    refused = socket.socket()
    refused.connect_ex(("127.0.0.1", 1))
    datagram = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    datagram.connect(("127.0.0.3", 9))


def main():
    top = Path(sys.argv[1])
    subprocesses(top)
    processes(top)
    files(top)
    sockets(top)
    thread = threading.Thread(target=subprocesses, args=(top / "tree",))
    thread.start()
    thread.join()


main()
