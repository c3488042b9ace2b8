"""A small server on the loopback for tests/test_fetch.c: files of a folder, in good order or with the faults of real ones.

usage: range_server.py FOLDER [CERTIFICATE KEY]    prints its port; writes one line a request to FOLDER/requests.log

The first part of a path says how the file FOLDER/NAME is sent:
    plain     whole, or from where Range says
    norange   always whole
    cut       no more than a third of it in one connection, which then ends
    stuck     the first 1000 bytes, and nothing to who wants more
    wrong     with one bit changed
    redirect  by way of plain; `insecure` the same to http
A path that begins with http:// is a request to a proxy and is answered as if it were the server itself.
"""
import ssl
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

folder = Path(sys.argv[1])


class Handler(BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def start_of_range(self, size):
        wanted = self.headers.get("Range")
        return None if wanted is None else int(wanted.removeprefix("bytes=").split("-")[0])

    def send_part(self, data, start, most):
        self.send_response(200 if start is None else 206)
        start = start or 0
        self.send_header("Content-Length", str(len(data) - start))
        self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        self.end_headers()
        self.wfile.write(data[start : start + most])
        self.close_connection = True

    def do_GET(self):
        with open(folder / "requests.log", "a") as log:
            log.write(f"{self.path} {self.headers.get('Range')}\n")
        _, how, name = urlsplit(self.path).path.split("/")
        if how in ("redirect", "insecure"):
            self.send_response(302)
            self.send_header("Location", f"/plain/{name}" if how == "redirect" else f"http://127.0.0.1:1/{name}")
            self.end_headers()
            return
        if not (folder / name).is_file():
            self.send_error(404)
            return
        data = bytearray((folder / name).read_bytes())
        start = None if how == "norange" else self.start_of_range(len(data))
        if start is not None and start >= len(data):
            self.send_error(416)
            return
        if how == "wrong":
            data[len(data) // 2] ^= 1
        most = {"cut": len(data) // 3 + 1, "stuck": 1000 if start is None else 0}.get(how, len(data))
        self.send_part(data, start, most)


def main():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if len(sys.argv) > 2:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(sys.argv[2], sys.argv[3])
        server.socket = context.wrap_socket(server.socket, server_side=True)
    print(server.server_port, flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
