"""A small real IMAP server (RFC 3501 and 6851, as much as is needed) that speaks TLS."""

import re
import socketserver
import ssl
import threading
from contextlib import contextmanager


class ImapServer(socketserver.ThreadingTCPServer):
    """``folders`` map names to mails by UID; ``flags`` are those of the inbox. ``breaks_at``: a
    command at which it hangs up; ``refuses``: one that it answers with NO; ``prefix``: of all
    folders that can be made."""

    allow_reuse_address = daemon_threads = True

    def __init__(self, certificate, *, move, starttls):
        super().__init__(("127.0.0.1", 0), _Session)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(*certificate)
        self.capabilities = "IMAP4rev1 UIDPLUS" + " MOVE" * move + " STARTTLS" * starttls
        self.starttls = starttls
        self.folders = {"INBOX": {}}
        self.flags = {}
        self.password = 'se"cret'
        self.breaks_at = self.refuses = self.prefix = ""
        self.lock = threading.Lock()

    def put(self, *mails):
        for mail in mails:
            self.folders["INBOX"][len(self.flags) + 1] = mail
            self.flags[len(self.flags) + 1] = set()

    def url(self, folder="INBOX"):
        scheme = "imap" if self.starttls else "imaps"
        return f"{scheme}://127.0.0.1:{self.server_address[1]}/{folder}"

    def handle_error(self, request, client_address):
        pass  # clients that hang up on purpose


class _Session(socketserver.StreamRequestHandler):
    def setup(self):
        if not self.server.starttls:
            self.request = self.server.context.wrap_socket(self.request, server_side=True)
        super().setup()

    def handle(self):
        self.signed_in = False
        self._say(f"* OK [CAPABILITY {self.server.capabilities}] ready")
        while line := self.rfile.readline().decode().rstrip("\r\n"):
            tag, _, command = line.partition(" ")
            if self.server.breaks_at and self.server.breaks_at in command.upper():
                self.request.close()
                return
            with self.server.lock:
                self._answer(tag, command)

    def _answer(self, tag, command):
        name = command.split()[0].upper()
        if name == "STARTTLS":
            self._say(f"{tag} OK go ahead")
            self.request = self.server.context.wrap_socket(self.request, server_side=True)
            self.rfile, self.wfile = self.request.makefile("rb"), self.request.makefile("wb", 0)
            return
        if name == "CAPABILITY":
            self._say(f"* CAPABILITY {self.server.capabilities}")
        elif name == "LOGIN":
            good = command.split(" ", 1)[1] == r'bounces "se\"cret"'
            self.signed_in = good and isinstance(self.request, ssl.SSLSocket)
            if not self.signed_in:
                self._say(f"{tag} NO [AUTHENTICATIONFAILED] wrong")
                return
        elif name == "LOGOUT":
            self._say("* BYE")
        elif not self.signed_in:
            self._say(f"{tag} BAD sign in first")
            return
        elif problem := self._do(name, command):
            self._say(f"{tag} {problem}")
            return
        self._say(f"{tag} OK done")

    def _do(self, name, command):
        folders = self.server.folders
        words = [quoted or plain for quoted, plain in re.findall(r'"([^"]*)"|(\S+)', command)]
        there = len(words) > 1 and words[1] in folders
        match name:
            case "UID":
                return self._uid(words[1].upper(), words[2:], command)
            case "SELECT" | "STATUS" if not there:
                return "NO [NONEXISTENT] no such folder"
            case "SELECT":
                self._say(f"* {len(folders[words[1]])} EXISTS")
            case "STATUS":
                self._say(f'* STATUS "{words[1]}" (MESSAGES {len(folders[words[1]])})')
            case "CREATE" if there:
                return "NO [ALREADYEXISTS] it is there"
            case "CREATE" if words[1].startswith(self.server.prefix):
                folders[words[1]] = {}
            case _:
                return "NO [CANNOT] not here"
        return None

    def _uid(self, name, words, command):
        inbox, flags = self.server.folders["INBOX"], self.server.flags
        if name == "SEARCH":
            assert words == ["UNFLAGGED", "UNDELETED"]
            hidden = {r"\Flagged", r"\Deleted"}
            found = " ".join(str(uid) for uid in sorted(inbox) if not flags[uid] & hidden)
            self._say(f"* SEARCH {found}".rstrip())
            return None
        if name == self.server.refuses:
            return f"NO [NOPERM] no {name}"
        uid = int(words[0])
        if uid not in inbox:  # RFC 3501: an UID that is gone is no error
            return None
        match name:
            case "FETCH":
                limit = int(re.search(r"BODY\.PEEK\[\]<0\.(\d+)>", command)[1])
                data = inbox[uid][:limit]
                self.wfile.write(b"* 1 FETCH (UID %d BODY[]<0> {%d}\r\n" % (uid, len(data)))
                self.wfile.write(data + b")\r\n")
            case "MOVE" if "MOVE" in self.server.capabilities:
                self.server.folders[words[1]][uid] = inbox.pop(uid)
            case "COPY":
                self.server.folders[words[1]][uid] = inbox[uid]
            case "STORE":
                flags[uid] |= set(re.findall(r"\\\w+", command))
            case "EXPUNGE":
                assert r"\Deleted" in flags[uid]
                del inbox[uid]
            case _:
                return "BAD unknown"
        return None

    def _say(self, line):
        self.wfile.write(line.encode() + b"\r\n")


@contextmanager
def imap_server(certificate, *, move=True, starttls=False):
    with ImapServer(certificate, move=move, starttls=starttls) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        try:
            yield server
        finally:
            server.shutdown()
