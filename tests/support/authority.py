"""Certificates of every kind, made at run time, and TLS servers that show them."""
import base64
import datetime
import hashlib
import ipaddress
import json
import socket
import threading

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from OpenSSL import SSL, crypto

DAY = datetime.timedelta(days=1)
SIGNS_CERTIFICATES = x509.KeyUsage(**{use: use in ("key_cert_sign", "crl_sign", "digital_signature") for use in (
    "digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
    "key_cert_sign", "crl_sign", "encipher_only", "decipher_only")})


def now():
    return datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)


def named(common_name, organization=None):
    parts = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization)] if organization else []
    return x509.Name(parts + [x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def alternative(text):
    kind, value = text.split(":", 1)
    if kind == "IP":
        return x509.IPAddress(ipaddress.ip_address(value))
    return {"DNS": x509.DNSName, "URI": x509.UniformResourceIdentifier, "email": x509.RFC822Name}[kind](value)


class Certificate:
    """One certificate with its key and what is sent behind it."""

    def __init__(self, certificate, key, chain=()):
        self.certificate, self.key, self.chain = certificate, key, list(chain)

    def chain_pem(self):
        return b"".join(each.public_bytes(serialization.Encoding.PEM) for each in [self.certificate, *self.chain])

    def key_pem(self):
        return self.key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                      serialization.NoEncryption())

    def pin(self):
        info = self.certificate.public_key().public_bytes(serialization.Encoding.DER,
                                                          serialization.PublicFormat.SubjectPublicKeyInfo)
        return "sha256/" + base64.b64encode(hashlib.sha256(info).digest()).decode()

    def write(self, folder, name):
        """(certificate, key) as files; the key is its owner's alone."""
        certificate, key = folder / f"{name}.pem", folder / f"{name}.key"
        for path, content in ((key, self.key_pem()), (certificate, self.chain_pem())):
            fresh = path.with_suffix(".new")
            fresh.touch(mode=0o600)
            fresh.write_bytes(content)
            fresh.replace(path)
        return {"certificate": str(certificate), "key": str(key)}


class Authority(Certificate):
    """A root, or what is below it."""

    def __init__(self, name="test root", above=None, constraints=None, key=None):
        key = key or ec.generate_private_key(ec.SECP256R1())
        issuer = above.certificate.subject if above else named(name)
        builder = (x509.CertificateBuilder().subject_name(named(name)).issuer_name(issuer)
                   .public_key(key.public_key()).serial_number(x509.random_serial_number())
                   .not_valid_before(now() - DAY).not_valid_after(now() + 30 * DAY)
                   .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
                   .add_extension(SIGNS_CERTIFICATES, critical=True)
                   .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False))
        if above:
            builder = builder.add_extension(above.key_identifier(), critical=False)
        if constraints:
            builder = builder.add_extension(x509.NameConstraints([x509.DNSName(constraints)], None), critical=True)
        made = builder.sign(above.key if above else key, hashes.SHA256())
        super().__init__(made, key, above.sent() if above else ())
        self.above = above

    def key_identifier(self):
        return x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key())

    def sent(self):
        """What goes with certificates from here: everything but the root."""
        return [self.certificate, *self.chain] if self.above else []

    def issue(self, *names, subject=None, key=None, begin=-1, end=30, usage=ExtendedKeyUsageOID.SERVER_AUTH,
              sha1=False, features=(), chain=None):
        key = key or ec.generate_private_key(ec.SECP256R1())
        builder = (x509.CertificateBuilder().subject_name(subject or named("leaf"))
                   .issuer_name(self.certificate.subject).public_key(key.public_key())
                   .serial_number(x509.random_serial_number())
                   .not_valid_before(now() + begin * DAY).not_valid_after(now() + end * DAY)
                   .add_extension(self.key_identifier(), critical=False)
                   .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True))
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName([alternative(n) for n in names]), False)
        if usage:
            builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        if features:
            builder = builder.add_extension(x509.TLSFeature(list(features)), critical=False)
        made = builder.sign(self.key, hashes.SHA256())
        if sha1:  # which the builder refuses
            again = crypto.X509.from_cryptography(made)
            again.sign(crypto.PKey.from_cryptography_key(self.key), "sha1")
            made = again.to_cryptography()
        return Certificate(made, key, self.sent() if chain is None else chain)

    def staple(self, leaf, revoked=False, signer=None, begin=-1, end=1):
        """An OCSP response for `leaf`, signed by this authority or by `signer`."""
        status = ocsp.OCSPCertStatus.REVOKED if revoked else ocsp.OCSPCertStatus.GOOD
        signer = signer or self
        builder = ocsp.OCSPResponseBuilder().add_response(
            cert=leaf.certificate, issuer=self.certificate, algorithm=hashes.SHA256(), cert_status=status,
            this_update=now() + begin * DAY, next_update=now() + end * DAY,
            revocation_time=now() - DAY if revoked else None, revocation_reason=None)
        builder = builder.responder_id(ocsp.OCSPResponderEncoding.HASH, signer.certificate)
        if signer is not self:
            builder = builder.certificates([signer.certificate])
        return builder.sign(signer.key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def weak_key():
    return rsa.generate_private_key(public_exponent=65537, key_size=1024)


def rsa_key():
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


ANSWER = json.dumps({"id": "1", "object": "chat.completion", "created": 1, "model": "m", "choices": [
    {"index": 0, "message": {"role": "assistant", "content": "fine"}, "finish_reason": "stop"}]}).encode()


def linger(accepted):
    """A close with unread bytes is a reset, which may overtake the alert."""
    try:
        accepted.shutdown(socket.SHUT_WR)
        accepted.settimeout(5)
        while accepted.recv(65536):
            pass
    except OSError:
        pass


class TlsServer:
    """Answers each request with one chat; keeps every byte of plaintext that it got."""

    def __init__(self, shown, version=None, staple=None, client_root=None):
        self.connections, self.plaintext, self.problems, self.clients = 0, b"", [], []
        self.names, self.resumed = [], 0
        self.context = SSL.Context(SSL.TLS_SERVER_METHOD)
        if version:
            self.context.set_min_proto_version(version)
            self.context.set_max_proto_version(version)
        self.context.set_cipher_list(b"ALL:@SECLEVEL=0")
        self.context.use_certificate(shown.certificate)
        self.context.use_privatekey(shown.key)
        for each in shown.chain:
            self.context.add_extra_chain_cert(each)
        self.context.set_session_id(b"test")
        if staple:
            self.context.set_ocsp_server_callback(lambda connection, data: staple)
        if client_root:
            store = self.context.get_cert_store()
            store.add_cert(crypto.X509.from_cryptography(client_root.certificate))
            self.context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                accepted, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(accepted,), daemon=True).start()

    def _serve(self, accepted):
        connection = SSL.Connection(self.context, accepted)
        connection.set_accept_state()
        try:
            connection.do_handshake()
            self.names.append(connection.get_servername())
            self.resumed += SSL._lib.SSL_session_reused(connection._ssl)  # has no public name
            peer = connection.get_peer_certificate(as_cryptography=True)
            self.clients.append(peer.subject.rfc4514_string() if peer else None)
            self._answer_all(connection)
        except SSL.Error as problem:
            self.problems.append(repr(problem))
            linger(accepted)
        finally:
            accepted.close()

    def _answer_all(self, connection):
        got = b""
        while piece := connection.recv(65536):
            self.plaintext += piece
            got += piece
            head, _, body = got.partition(b"\r\n\r\n")
            length = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
            if not length or len(body) < int(length[0].split(b":")[1]):
                continue
            got = b""
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
                               % (len(ANSWER), ANSWER))

    def close(self):
        self.listener.close()
