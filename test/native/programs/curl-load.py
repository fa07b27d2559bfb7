# Requests over HTTPS through a libcurl of any TLS library: many connections at once, each used again, bodies of 1 byte
# to 8 MB there and as many bytes back. argv: library, port, bytes both ways in all, connections.
import ctypes, sys, threading

library, port, total, connections = sys.argv[1], *map(int, sys.argv[2:])
curl, libc = ctypes.CDLL(library), ctypes.CDLL(None)
curl.curl_easy_init.restype = curl.curl_slist_append.restype = libc.fopen.restype = ctypes.c_void_p
pointer, number = ctypes.c_void_p, ctypes.c_long

# include/curl/curl.h
URL, WRITEDATA, POSTFIELDS, HTTPHEADER = 10002, 10001, 10015, 10023
POST, POSTFIELDSIZE, VERIFYPEER, VERIFYHOST, HTTP_VERSION, NOSIGNAL = 47, 60, 64, 81, 84, 99
HTTP_1_1 = 2

body = b"b" * (8 << 20)
nowhere = pointer(libc.fopen(b"/dev/null", b"w"))
headers = pointer(curl.curl_slist_append(None, b"Expect:"))
left, made, failed, lock = total // 2, 0, [], threading.Lock()


def next_size():
    global left, made
    with lock:
        size = max(1, min(left, int(2 ** ((made * 7919 % 231) / 10))))
        made += 1
        if left <= 0:
            return 0
        left -= size
        return size


def work(size):
    handle = pointer(curl.curl_easy_init())
    numbers = [(POST, 1), (VERIFYPEER, 0), (VERIFYHOST, 0), (HTTP_VERSION, HTTP_1_1), (NOSIGNAL, 1)]
    for option, value in numbers:
        curl.curl_easy_setopt(handle, option, number(value))
    for option, value in [(WRITEDATA, nowhere), (HTTPHEADER, headers), (POSTFIELDS, ctypes.c_char_p(body))]:
        curl.curl_easy_setopt(handle, option, value)
    while size:
        url = ctypes.c_char_p(f"https://localhost:{port}/load/{size}".encode())
        curl.curl_easy_setopt(handle, URL, url)
        curl.curl_easy_setopt(handle, POSTFIELDSIZE, number(size))
        code = curl.curl_easy_perform(handle)
        if code:
            failed.append(code)
        size = next_size()
    curl.curl_easy_cleanup(handle)


curl.curl_global_init(number(3))
# Each has its first one before any of them runs: the last to start would find all of it done.
threads = [threading.Thread(target=work, args=(next_size(),)) for _ in range(connections)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
sys.exit(f"curl: errors {sorted(set(failed))}" if failed else 0)
