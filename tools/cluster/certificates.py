"""The cluster's own authority: who may speak to the API server, and how it is known to be the right one.

Everything is made anew with the cluster and is worth nothing beyond it. Files, as the programs want them:

FOLDER/ca.crt                       ca.key is never written: nobody is let in later
      /sa.pub, sa.key               what service accounts' tokens are signed with
      /NAME.crt, NAME.key           a server's, or a client's
      /NAME.kubeconfig              a client's, with everything in it
"""

import base64
import ipaddress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

VALID = timedelta(days=365)
SKEW = timedelta(hours=1)  # a clock that is set back a little must not invalidate what was just made


@dataclass(frozen=True)
class Authority:
    folder: Path
    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @classmethod
    def create(cls, folder: Path) -> "Authority":
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        key = ec.generate_private_key(ec.SECP256R1())
        name = _name("wadi-cluster")
        draft = (
            _draft(name, name, key.public_key())
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(_usage(signs_others=True), critical=True)
        )
        authority = cls(folder, key, draft.sign(key, hashes.SHA256()))
        authority.file("ca.crt").write_bytes(authority.certificate.public_bytes(Encoding.PEM))
        signer = ec.generate_private_key(ec.SECP256R1())
        _write_key(authority.file("sa.key"), signer)
        public = signer.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        authority.file("sa.pub").write_bytes(public)
        return authority

    def file(self, name: str) -> Path:
        return self.folder / name

    def server(self, name: str, addresses: list[str], names: list[str]) -> None:
        """A certificate for a server that is reached by these addresses and names."""
        alternatives: list[x509.GeneralName] = [x509.IPAddress(ipaddress.ip_address(one)) for one in addresses]
        alternatives += [x509.DNSName(one) for one in names]
        self._issue(name, _name(name), ExtendedKeyUsageOID.SERVER_AUTH, alternatives)

    def client(self, name: str, user: str, *groups: str, server: str) -> Path:
        """A kubeconfig of a user, whom the API server knows by the certificate's name and groups."""
        self._issue(name, _name(user, *groups), ExtendedKeyUsageOID.CLIENT_AUTH, [])
        kubeconfig = self.file(f"{name}.kubeconfig")
        _private(kubeconfig)
        kubeconfig.write_text(
            yaml.safe_dump(
                {
                    "apiVersion": "v1",
                    "kind": "Config",
                    "current-context": "wadi",
                    "contexts": [{"name": "wadi", "context": {"cluster": "wadi", "user": name}}],
                    "clusters": [
                        {
                            "name": "wadi",
                            "cluster": {"server": server, "certificate-authority-data": self._inline("ca.crt")},
                        }
                    ],
                    "users": [
                        {
                            "name": name,
                            "user": {
                                "client-certificate-data": self._inline(f"{name}.crt"),
                                "client-key-data": self._inline(f"{name}.key"),
                            },
                        }
                    ],
                }
            )
        )
        return kubeconfig

    def _inline(self, name: str) -> str:
        return base64.b64encode(self.file(name).read_bytes()).decode()

    def _issue(
        self, name: str, subject: x509.Name, usage: x509.ObjectIdentifier, alternatives: list[x509.GeneralName]
    ) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        draft = (
            _draft(subject, self.certificate.subject, key.public_key())
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs_others=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        )
        if alternatives:
            draft = draft.add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        certificate = draft.sign(self.key, hashes.SHA256())
        self.file(f"{name}.crt").write_bytes(certificate.public_bytes(Encoding.PEM))
        _write_key(self.file(f"{name}.key"), key)


def _name(common: str, *organizations: str) -> x509.Name:
    parts = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, one) for one in organizations]
    return x509.Name([*parts, x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _draft(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - SKEW)
        .not_valid_after(now + VALID)
    )


def _usage(signs_others: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True, key_cert_sign=signs_others, crl_sign=signs_others, content_commitment=False,
        key_encipherment=False, data_encipherment=False, key_agreement=False, encipher_only=False, decipher_only=False,
    )  # fmt: skip


def _write_key(file: Path, key: ec.EllipticCurvePrivateKey) -> None:
    _private(file)
    file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


def _private(file: Path) -> None:
    file.touch(mode=0o600)
    file.chmod(0o600)
