"""certificates: a small certificate authority, made with openssl."""

import subprocess

KEY = "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"


def openssl(*words):
    subprocess.run(["openssl", *words], check=True, capture_output=True)


class Authority:
    """Its certificate is FOLDER/NAME.pem."""

    def __init__(self, folder, name="ca"):
        self.folder, self.path = folder, f"{folder}/{name}"
        self.pem = self.path + ".pem"
        openssl("req", "-x509", *KEY, "-days", "2", "-subj",
                "/CN=authority " + name, "-keyout", self.path + "-key.pem",
                "-out", self.pem)

    def issue(self, name, hosts, days=2, key="key"):
        """Writes NAME.pem and KEY.pem; HOSTS are such as DNS:localhost.
        Returns both paths."""
        path, key = f"{self.folder}/{name}", f"{self.folder}/{key}.pem"
        with open(path + ".hosts", "w", encoding="ascii") as f:
            f.write(f"subjectAltName={hosts}\n")
        openssl("req", *KEY, "-subj", "/CN=" + name, "-keyout",
                key, "-out", path + ".request")
        openssl("x509", "-req", "-in", path + ".request", "-days", str(days),
                "-CA", self.pem, "-CAkey", self.path + "-key.pem",
                "-CAcreateserial", "-extfile", path + ".hosts", "-out",
                path + ".pem")
        return path + ".pem", key
