#!/usr/bin/env -S python3 -B
"""From a checkout to an installation that cron drives, and back to nothing, by
an ordinary user who may use sudo: step by step as in messaging-quickstart(7),
and as in the README, by scripts/setup; typed unchanged. It installs programs,
creates users and starts the system's RabbitMQ and MariaDB, so it runs on a
copy of this machine that disappears afterwards: a mount, a network and
processes of its own, above this system's files.
"""

import os
import re
import subprocess
import sys
from urllib.request import HTTPRedirectHandler, Request, build_opener

from harness import BIN, Lab, Skip, main, say, shown_in

CONF = "/etc/messaging-analytics/messaging.conf"
TENANT = "/usr/local/share/messaging-analytics/scripts/tenant"
LEFT = ("/etc/messaging-analytics", "/var/lib/messaging-analytics",
        "/usr/local/share/messaging-analytics", "/usr/local/bin/poller",
        "/usr/local/share/man/man1/poller.1")
PACKAGES = "sudo", "cron", "cron-daemon-common"
BUILT = "bin common poller aggregator sink reaper places common.a poller.a " \
    "aggregator.a sink.a reaper.a tests/crm-sim".split()

# Runs as root in its own namespaces; $1 is the folder of the test. On a busy
# machine, MariaDB starts later than the 30 s for which its script waits.
COPY = r"""
unset TMPDIR
cd "$1"
mount -t tmpfs -o mode=755 tmpfs copy
mkdir copy/upper copy/work copy/root
root=$1/copy/root
mount -t overlay overlay -o \
    "lowerdir=/,upperdir=$1/copy/upper,workdir=$1/copy/work" "$root"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mount -t tmpfs -o mode=755 tmpfs "$root/run"
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
mkdir -p "$root/run/lock" "$root/debs"
chmod 1777 "$root/run/lock"
ip link set lo up
hostname copy
echo '127.0.0.1 localhost copy' >"$root/etc/hosts"
cp debs/* "$root/debs/" 2>/dev/null || :
chroot "$root" sh -ec '
    for deb in /debs/cron-daemon* /debs/cron_* /debs/sudo_*; do
        [ ! -e "$deb" ] || dpkg -i "$deb" >/debs/log 2>&1 ||
            { cat /debs/log; exit 1; }
    done
    userdel -r readme 2>/dev/null || :
    useradd -m -s /bin/bash readme
    echo "readme ALL=(ALL) NOPASSWD: ALL" >/etc/sudoers.d/readme
    echo MYSQLD_STARTUP_TIMEOUT=600 >>/etc/default/mariadb'
cp -a checkout "$root/home/readme/messaging-analytics"
chroot "$root" chown -R readme: /home/readme
chroot "$root" runuser -u readme -- sh -c 'cd &&
    messaging-analytics/build/tests/crm-sim --port-file ~/port \
        >~/sim.log 2>&1 </dev/null &
    until [ -s ~/port ]; do sleep 0.05; done'
exec chroot "$root" runuser -l readme -c '
    cd messaging-analytics
    CRM_URL=http://127.0.0.1:$(cat ~/port)/v1 tests/e2e/readme_install.t --typing'
"""
OVERLAY = """mount -t tmpfs tmpfs copy && cd copy && mkdir u w r &&
mount -t overlay overlay -o lowerdir=/,upperdir=u,workdir=w r"""


def must(good, text):
    if not good:
        raise AssertionError(text)


# The ordinary user, in a fresh checkout.

def as_typed(text):
    """Replaces what only a person at the keyboard can do, and what is different
    here: the token is pasted, the CRM is a simulator, the password is fixed,
    nobody watches."""
    text = re.sub(r"\(umask 077; cat >token\).*",
                  "(umask 077; echo sim-token >token)", text)
    text = text.replace("PASSWORD", "p4ssw0rd").replace(
        "watch -t sink --now", "sink --now")
    return re.sub(r"(?m)^(export CRM_PROFILE=| *https://|.*--serve).*\n", "", text)


def readme(title):
    """The indented lines of the step whose title begins so."""
    with open("README.md", encoding="utf-8") as f:
        step = re.search(rf"(?ms)^\*\*{re.escape(title)}.*?(?=^\*\*|^## )",
                         f.read())[0]
    return as_typed("".join(re.findall(r"(?m)^    (.*\n)", step)))


def type_lines(text, **kw):
    """Runs lines and returns their output; nothing else is read from the
    keyboard."""
    must(text, "there is nothing to type")
    done = subprocess.run(["bash", "-euo", "pipefail", "-c", text], check=False,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          encoding="utf-8", **kw)
    must(done.returncode == 0, f"{text}\ngives {done.returncode}: {done.stdout}")
    return done.stdout


def step(heading):
    say("- " + heading)
    return type_lines(as_typed(shown_in("messaging-quickstart.7", heading)))


def run_cron():
    """Runs each line in cron's environment, without waiting for :30."""
    crontab = type_lines("sudo crontab -u messaging -l").splitlines()
    must(len(crontab) == 2, f"crontab: {crontab}")
    for line in crontab:
        command = line.split(None, 5)[5].replace("sleep 30; ", "")
        mail = type_lines(
            "exec sudo -u messaging env -i HOME=/var/lib/messaging-analytics "
            "SHELL=/bin/sh PATH=/usr/bin:/bin LOGNAME=messaging sh -c "
            '"cd; $LINE"', env={**os.environ, "LINE": command},
            stderr=subprocess.STDOUT)
        must(not mail, f"a mail of {command}: {mail}")


def nothing_is_left():
    """Also checks that the servers list their own databases and users:
    otherwise they were not really asked."""
    for path in LEFT:
        must(subprocess.run(["sudo", "test", "-e", path],
                            check=False).returncode == 1, f"{path} was left")
    for path in ("token", os.path.expanduser(
            "~/.local/state/messaging-analytics")):
        must(not os.path.exists(path), f"{path} was left")
    type_lines("! getent passwd messaging && ! pgrep -x sink")
    there = type_lines(
        "sudo mariadb -N -e 'SHOW DATABASES; SELECT User FROM mysql.user'; "
        "sudo rabbitmqctl -q list_vhosts name; sudo rabbitmqctl -q list_users")
    names = [line.split("\t")[0] for line in there.splitlines()]
    must({"mysql", "root", "/", "guest"} <= set(names)
         and "messaging" not in names, f"left: {there}")


def look():
    say("- 1. Look")
    said = type_lines(readme("1. Look"))
    for part in ('"check":"token","result":"ok"', '"check":"calls","result":"ok"',
                 '"table":"operator_metrics"'):
        must(part in said, f"no {part}: {said}")
    must(not type_lines("git status --porcelain"), "the checkout was changed")


def step_by_step():
    step("Install")
    type_lines(
        f"""sudo -u messaging sed -i -e "s,^url = https://api.*,url = $CRM_URL," \
        -e 's,://messaging:password@,://messaging:p4ssw0rd@,' {CONF}""")
    step("Configure")
    type_lines("sudo crontab -u messaging - <<'END'\n"
               + shown_in("messaging-quickstart.7", "Run the jobs") + "END")
    run_cron()
    said = step("Look")
    must(re.search("(?m)^acme, as of ", said), f"no report: {said}")
    done = subprocess.run([TENANT, "list"], check=False, capture_output=True)
    must(done.returncode == 77 and b"may not read '/etc/" in done.stderr,
         f"who may not read the configuration: {done}")
    step("Remove")
    nothing_is_left()


class NoRedirect(HTTPRedirectHandler):
    def http_error_303(self, req, fp, code, msg, headers):
        return fp


def by_setup():
    say("- setup, as the README has it")
    type_lines("(umask 077; echo sim-token >token)")
    said = type_lines(re.sub(
        "scripts/setup", r"\g<0> -y --tenant acme --url $CRM_URL "
        "--token-file token", readme("2. Set it up")), stderr=subprocess.STDOUT)
    run_cron()
    address, token = re.search(r"(http://127\.0\.0\.1:8081/login)#(token=\S+)",
                               said).groups()
    site = address.removesuffix("/login")
    with build_opener(NoRedirect).open(Request(
            address, token.encode(), {"Origin": site})) as answer:
        cookie = answer.headers["Set-Cookie"].split(";")[0]
    with build_opener().open(Request(site + "/api/v1/now",
                                     headers={"Cookie": cookie})) as answer:
        now = answer.read().decode()
    must(re.search('"open_chats":[1-9]', now), f"no board: {now}")
    say("- Remove it all")
    type_lines(readme("Remove it all").replace("--remove", "--remove -y"),
               stderr=subprocess.STDOUT)
    nothing_is_left()


def typing():
    look()
    step_by_step()
    by_setup()
    return 0


def as_root(*command, **kw):
    sudo = [] if os.getuid() == 0 else ["sudo", "-n"]
    return subprocess.run([*sudo, *command], check=False, **kw)


def is_installed(package):
    return b"installed" == subprocess.run(
        ["dpkg-query", "-W", "-f", "${db:Status-Status}", package], check=False,
        capture_output=True).stdout


def check_machine(lab):
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    if as_root("true", **quiet).returncode != 0:
        raise Skip("neither root nor sudo without a password")
    for service in ("rabbitmq-server", "mariadb"):
        if not os.access("/etc/init.d/" + service, os.X_OK):
            raise Skip(f"{service} is not installed")
    if as_root("unshare", "--mount", "--propagation", "private", "sh", "-c",
               OVERLAY, cwd=lab.tmp, **quiet).returncode != 0:
        raise Skip("no overlay can be mounted here")
    if not os.path.exists(".git"):
        raise Skip("this is not a checkout")
    # A bare machine may lack cron, and one where root works may lack sudo; the
    # copy has both.
    for package in PACKAGES:
        if not is_installed(package) and subprocess.run(
                ["apt-get", "-qq", "download", package], check=False,
                cwd=lab.path("debs"), **quiet).returncode != 0:
            raise Skip(f"{package} is not installed and cannot be fetched")


def check_out(lab):
    """A checkout as after cloning and building."""
    checkout, built = lab.path("checkout"), os.path.dirname(os.path.realpath(BIN))
    os.makedirs(checkout + "/build/tests")
    subprocess.run("git ls-files -z | xargs -0 cp --parents -at "
                   f"'{checkout}' 2>&1", shell=True, check=False,
                   stdout=subprocess.DEVNULL)
    for part in BUILT:
        if os.path.exists(os.path.join(built, part)):
            subprocess.run(["cp", "-a", os.path.join(built, part),
                            f"{checkout}/build/{part}"], check=True)
    subprocess.run(
        "git init -q . && git add -A && git -c user.name=t "
        "-c user.email=t@example.test commit -qm all", shell=True, check=True,
        cwd=checkout)


def body():
    with Lab("readme_install") as lab:
        for folder in ("copy", "debs"):
            os.mkdir(lab.path(folder))
        check_machine(lab)
        check_out(lab)
        return as_root("unshare", "--mount", "--pid", "--net", "--uts", "--ipc",
                       "--fork", "--kill-child", "--propagation", "private",
                       "bash", "-euc", COPY, "copy", lab.tmp).returncode


main(typing if sys.argv[1:] == ["--typing"] else body)
