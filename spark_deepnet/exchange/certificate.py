"""The certificate of a fit, made by the driver as the secret is: whoever holds it belongs to the fit."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from spark_deepnet.errors import ClusterError

NAME = "spark_deepnet"
CLOCK_SKEW, VALIDITY = timedelta(days=1), timedelta(days=365)
"""The most that clocks may differ, and that a fit may take."""


def made_identity() -> bytes:
    """A new key on the curve P-256 and its self-signed certificate, as PEM; it vouches for no other certificate."""
    try:
        from cryptography import x509
        from cryptography.hazmat.primitives.asymmetric import ec
        from cryptography.hazmat.primitives.hashes import SHA256
        from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
    except ImportError as error:
        raise ClusterError(
            f"encryption: the driver makes certificates by the package cryptography, which does not import ({error}); "
            f"pip install \"spark_deepnet[tls]\", or set encryption to 'off'"
        ) from None
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, NAME)])
    certificate = (
        x509.CertificateBuilder(
            name, name, key.public_key(), x509.random_serial_number(), now - CLOCK_SKEW, now + VALIDITY
        )
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(key, SHA256())
    )
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) + certificate.public_bytes(Encoding.PEM)
