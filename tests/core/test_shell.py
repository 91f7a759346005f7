from __future__ import annotations

import os
import shutil
import subprocess
import time
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from fermata.core.readers import JUDGES as SPECIAL_PROGRAMS
from fermata.core.readers import PLAIN, without_prefix
from fermata.core.shell import ShellError, launcher_verb, reading_error, split_command

LAUNCHER = "/home/x/.claude/plugins/cache/my fermata/scripts/fermata"

# As planners write them.
READING = """
ls
ls -la
ls -la src/ tests/
ls -la && cat pyproject.toml
ls *.md
ls src/*.py 2>/dev/null
ls 2> /dev/null; pwd
cat README.md
cat package.json | head -50
cat src/a.py src/b.py | wc -l
head -100 src/app.py
head -n 20 a.txt && tail -n 20 a.txt
tail -c 200 log.txt
wc -l src/*.py | sort -n | tail -5
grep -rn "def foo" src | head
grep -rn 'import \\(os\\|sys\\)' --include='*.py' . | grep -v test | wc -l
grep -c '^def ' app.py || true
grep -rnE 'foo|bar' . 2>/dev/null | cut -d: -f1 | sort -u
grep -A3 -B3 needle hay.txt
egrep 'a|b' x
fgrep '$HOME' x
find . -name '*.py' 2>/dev/null | wc -l
find . -type f -not -path './.git/*' | head -100
find src -maxdepth 2 -name "*.ts" -print
find . -name '*.md' -newer README.md -size +10k -print0
find . -path ./node_modules -prune -o -type f -print
git log --oneline | head -20
git log -5 --stat
git log --format='%h %s' --since=2.weeks -- src
git log -p -S'needle' -- '*.py'
git log --all --graph --oneline -20
git show HEAD
git show HEAD:src/app.py | head -40
git show --stat HEAD~1
git diff
git diff --stat HEAD~3..HEAD
git diff --cached --name-only
git diff main...feature -- src/
git status
git status --porcelain=v1 -uall
git --no-pager log -3
git -C sub log --oneline -3
git blame -L 10,20 src/app.py
git ls-files | wc -l
git ls-files '*.py' | head
git ls-tree -r HEAD --name-only
git rev-parse --abbrev-ref HEAD
git rev-parse --show-toplevel
git rev-list --count HEAD
git branch -a
git branch --show-current
git remote -v
git stash list
git tag -l
git worktree list
git shortlog -sn HEAD
git describe --tags --always
git cat-file -p HEAD
git grep -n "TODO" -- '*.py'
git grep -nI foo
git merge-base main HEAD
git check-ignore -v build
rg -n "class .*Error" src -g '*.py'
rg --files | head -30
rg --pretty foo
sed -n '1,40p' src/app.py
sed -n 10,20p a.txt
sed -n '5p;10,$p' a.txt
sort a.txt | uniq -c | sort -rn | head
sort -t: -k2,2n a.txt
sort -u src/a.txt src/b.txt
uniq -c a.txt
cut -d, -f1,3 data.csv | tr a-z A-Z
diff a.txt b.txt
diff -ru old new | head -80
cmp a b
comm -12 a b
jq '.scripts | keys[]' package.json
jq -r .name package.json
du -sh .
du -a src | sort -n | tail
df -h .
stat -c '%s %n' a.txt
realpath . && readlink -f a.txt
basename /a/b.txt .txt
dirname /a/b
which python3 node
pwd; ls; date
date '+%Y-%m-%d'
date -u
python3 --version; node --version; npm -v
python -V 2>&1
make --version | head -1
printf '%s\\n' a b
printf -- '---\\n'
echo "--- tests ---" && ls tests
echo 'a > b; c | d & e'
echo "a > b; c" >/dev/null
echo gone >&2
test -f setup.py && echo yes || echo no
test -d src
cd src && ls
nl -ba a.txt
tac a.txt | rev
od -c a.bin | head
md5sum a.txt; sha256sum a.txt
strings a.bin | head
tree -L 2 -I node_modules
tree -a --noreport src
uname -a; whoami; id -u; nproc
seq 1 3
expr 1 + 2
cat < /dev/null
true && false; true
ls ~ ; ls ~/src
ls;
""".strip().splitlines()

READING += r"""
cat < a.txt
wc -l < README.md
ls # what is there
ls a\ b
\ls -la
ls {a,b}
ls src/{core,cli} 2>/dev/null
[ -f x ] && echo yes
[ ! -d build ] || ls build
timeout 5 ls
timeout 10 git log --oneline | head
echo "a!b"
echo "exit: $?"; echo $?
ls &>/dev/null && echo there
ls -la |& head
git config --get remote.origin.url
git config --list
git remote get-url origin
git show HEAD~1:src/app.py | head -5
git show stash@{0} --stat
git stash show -p
git log @{u}..HEAD --oneline
git reflog | head -5
git tag --sort=-creatordate | head -3
git tag -l 'v*'
git tag --points-at HEAD
git branch -vv
git branch --list 'feature/*'
git branch --contains HEAD
git branch -a --sort=-committerdate | head
git --version
git submodule status
git symbolic-ref --short HEAD
git -P log --oneline -3
git ls-files | xargs wc -l | tail -1
git ls-files '*.py' | xargs grep -n "def "
git grep -l foo | xargs -n1 dirname | sort | uniq -c
find . -name '*.py' -print0 | xargs -0 grep -l import
find . -type f | xargs -I{} basename {}
find . \( -name '*.py' -o -name '*.md' \) -not -path '*/node_modules/*' | head
find . ! -path './.git/*' -type f
find . -maxdepth 2 -type d | sed 's|^\./||' | sort
grep -rn "a|b" --include=*.py src | sort | uniq -c
grep -rn "def \|class " src | head -20
grep -nE "\.(ts|tsx)$" a.txt
grep -rn "foo(" --include="*.py" . | wc -l
grep -n foo\|bar a.txt
rg -n "fn \w+" -g '*.rs' | head
awk '{print $1}' a.txt
awk 'NR>=10 && NR<=20' src/app.py
awk 'NR>1 {print $2}' a.txt | sort -u
awk -F: '{print $1":"$2}' a.txt
awk '/def |class / {print FILENAME": "$0}' src/app.py
awk '{sum+=$1} END {print sum/NR}' a.txt
awk -v n=3 'NR==n' a.txt
awk 'length > 100' src/app.py
sed -n '/def foo/,/^$/p' src/app.py
sed -n -e '1,5p' -e '7p' a.txt
sed -n "1,20p" a.txt
sed 's/a/b/g' a.txt
sed -E 's/[0-9]+/N/' a.txt | sort -u
sed '1,3d;5q' a.txt
sed -n '$=' a.txt
sed -n '/"scripts"/,/}/{p;q}' package.json
command -v python3
type git
env | grep -c PATH
printenv PATH
file src/app.py
hexdump -C a.txt | head -3
cd src && git log --oneline -3 -- . && ls
""".strip().splitlines()
READING += [
    "ls -la\ncat README.md\n\ngit log --oneline | head -3\n",
    "# look around\nls # here\ngit status",
    "find . -name '*.py' \\\n  | head -5",
    "ls src |\n  wc -l",
    "cat a.txt &&\nls",
    "ls \\\n  -la",
    "ls \\\ntouch x",
]

# What each would do, as ids would only repeat the command.
REFUSED = """
echo x > a.txt
echo x >> a.txt
echo x>a.txt
ls>a.txt
ls >a.txt 2>&1
ls 2>err.txt
ls 2>&1 >a.txt
ls 2>/dev/null>a.txt
ls 1>a.txt
ls >| a.txt
ls &> a.txt
ls >& a.txt
ls >/dev/nullx
ls >/dev/null/../a
ls >/dev/sda
echo x 3>a.txt
: > a.txt
> a.txt
cat <<EOF
cat <<< x
cat <(ls)
ls >(tee a)
ls | tee a.txt
ls | tee -a a.txt
ls |& tee a.txt
tee a.txt
touch a.txt
rm -rf src
mv a b
cp a b
ln -s a b
mkdir x
rmdir x
truncate -s 0 a
dd if=a of=b
install a b
chmod +x a
chown x a
patch -p1
tar xf a.tar
unzip a.zip
sed -i s/a/b/ a.txt
sed -i.bak s/a/b/ a.txt
sed -n 'w out.txt' a.txt
sed -n '1,5w out.txt' a.txt
sed -n 1p -i a.txt
sed -n 1p --in-place a.txt
sed 's/a/b/w out' a.txt
sed '1e touch x' a.txt
sed -n '1,5p;w out' a.txt
sed -n -e 1p -e 'w x' a.txt
sed -f script a.txt
awk '{print > "x"}' a.txt
awk 'BEGIN{system("touch x")}'
gawk -i inplace 1 a
perl -pi -e s/a/b/ a.txt
perl -e 'unlink "a"'
ruby -e 'File.write("x",1)'
python -c 'open("x","w")'
python3 -c "open('x','w')"
python3 script.py
python3 -m pytest
python3
python3 -v
python3 - --version
echo 'import os' | python3 -v
pytest
pytest -q
pytest -v
pytest --version
node -e 'x'
node x.js
npm test
npm run build
npm --version && npm install
npx jest
go test ./...
cargo test
cargo -v
cargo --version
rustc --version
go version
make
make test
make -v clean
pip install x
java -jar x.jar
xargs rm
ls | xargs rm
find . -name x | xargs -0 rm
FOO=1 ls
PATH=. ls
env FOO=1 ls
env ls
export A=1
nohup ls
time ls
exec ls
eval ls
source x
. x
command ls
builtin cd
sudo ls
bash -c 'ls'
sh x.sh
zsh -c ls
watch ls
git
git -C
git -C x
git commit -m x
git add .
git checkout -- a
git restore a
git reset --hard
git clean -fdx
git stash
git stash push
git stash drop
git push
git fetch
git pull
git merge x
git rebase x
git worktree add x
git branch x
git branch -D x
git branch --list -D x
git tag v1
git tag -d v1
git remote add a b
git remote update
git config user.name x
git apply x
git am x
git gc
git update-ref a b
git hash-object -w a
git archive --output=x HEAD
git -c core.pager=touch log
git -c alias.x=!touch x
git --git-dir=x log
git --exec-path=. log
git -p log
git diff --output=x
git diff --output x
git log -p --output=x
git diff --outpu=x
git diff --ext-diff
git show --ext-diff HEAD
git show --textconv HEAD:a
git cat-file --textconv HEAD:a
git cat-file --text HEAD:a
git cat-file --filters HEAD:a
git grep -O foo
git grep -Otouch foo
git grep -nOtouch foo
git grep --open-files-in-pager=touch foo
git grep --open=touch foo
git log -- * --output=x
git diff *
git log *.md
find . -delete
find . -name '*.py' -delete
find . -exec rm {} +
find . -exec rm '{}' ';'
find . -execdir touch x ';'
find . -ok rm x ';'
find . -okdir rm x ';'
find . -fprint x
find . -fprint0 x
find . -fprintf x %p
find . -fls x
find . "-delete"
find . '-'delete
find *
find . -del*
find -- *
sort -o x a
sort -ox a
sort -uo x a
sort a -o x
sort --output=x a
sort --output x a
sort --outp=x a
sort --compress-program=touch a
sort --compress-prog=touch a
sort -T . a
sort *
sort *.txt
sort -k*
uniq a b
uniq -c a b
uniq - b
uniq a -
uniq -- a b
uniq src/*
rg --pre touch x
rg --pre=touch x
rg --hostname-bin=touch x
rg foo *.py
tree -o x
tree -ox
tree -ao x
tree -R -L 1
tree --output x
date -s 2020-01-01
date 010100002020
date --set=x
printf -v PATH .
printf -v 'a[$(touch x)]' y
printf '%d' 'a[$(touch x)]'
printf '%d' 'a[`touch x`]'
test -v 'a[$(touch x)]'
test 'a[$(touch x)]' -eq 0
test 1 = 1 -o -v x
[[ -f x ]]
curl https://x
curl -o x https://x
wget x
nc -l 1
nc -U x
ssh x
scp a b
rsync a b
claude -p approve
claude --resume
claude plugin disable fermata
claude mcp list
claude config set x
tmux send-keys approve Enter
screen -X stuff approve
osascript -e x
kill 1
pkill claude
vim a
nano a
ed a
less a
man ls
docker run x
crontab -e
at now
open x
ls & touch x
ls &
ls &&
ls |
ls ||
&& ls
| ls
; ls
ls ; ; ls
ls | | wc
ls && || ls
ls $(touch x)
ls `touch x`
ls $HOME
ls ${x}
ls "$HOME"
ls "$(touch x)"
ls "`touch x`"
ls "a\\"
echo !!
ls $'\\x3e' x
echo $'a'
echo $"a"
{ ls; }
(ls)
( touch x )
ls ) x
f() { ls; }
\\rm a
ls 'a
ls "a
echo 'it''s
!ls
*
./ls
/tmp/evil/ls
'' ls
"rm" -rf x
'r'm x
ls;rm x
ls&&rm x
ls|rm x
ls||rm x
alias ls=rm
function ls
if true; then ls
while true
case x in
for f in a
coproc ls
hash -p x ls
trap x EXIT
read x
mapfile
set -x
unset x
wait
jobs
disown
ulimit -c 0
umask 0
shopt -s x
enable x
ｌｓ
ls\u00a0-la
сat a
ls ＞ a ; ｒｍ a
""".strip().splitlines()
REFUSED += r"""
wc -l $(git ls-files)
cat < /dev/tcp/example.org/80
cat <> a.txt
cat <&3
cat <
ls < | rm x
< a.txt
{rm,-rf,x}
find . -del{e,}te
sort {-o,x} a
sort src/{-ox,b}
! touch x
! rm -rf .
timeout 5 rm x
timeout 5 uniq src/*
timeout -k 1 5 ls
xargs -I{} sh -c '{}'
xargs sed -i s/a/b/
xargs git log
xargs rg foo
xargs sort
xargs -a x ls
xargs -p cat
xargs env rm
find . -name x | xargs -0 -n1 rm
awk '{print > "out"}' a.txt
awk '{printf("%s",$1)>"f"}' a.txt
awk '{print $1 >> "out"}' a.txt
awk '{print | "sh"}' a.txt
awk 'BEGIN{"touch x"|getline}'
awk 'BEGIN{system ("touch x")}'
awk '@load "filefuncs"; {print}' a.txt
awk -f prog a.txt
awk -i inplace '{print}' a.txt
awk -o out '{print}' a.txt
awk '{if(1)/"/;print "x" > "/tmp/f"}' a.txt
awk '{print /"/ > "f" /"/}' a.txt
awk '1 + /"/; {print > "f"} /"/' a.txt
awk '/[/]/; {print > "x"} /]/' a.txt
awk '{print a,\n b > "f"}' a.txt
awk "{print \$1 > \"f\"}" a.txt
awk
sed 's/a/b/w out' a.txt
sed 's/a/b/gw out' a.txt
sed 's/a/touch x/e' a.txt
sed -n '/a/w out' a.txt
sed 's/[/]/x/;w out' a.txt
sed '1r x;w out' a.txt
sed -ni 1p a.txt
sed -n 1p a.txt -i
sed -n --in-place=.x 1p a.txt
sed --file=x a.txt
sed
git branch -l x
git branch -v x
git branch --sort=x y
git branch -m x
git branch --edit-description
git tag x
git tag -a x
git tag -v x
git tag --sort=x y
git reflog expire --all
git reflog delete x
git stash show --ext-diff
git stash pop
git config --get x y
git config --get-all x --add
git config --global x y
git submodule update
git symbolic-ref HEAD refs/heads/x
git remote set-url a b
git remote show origin
git -c alias.log=!touch log
file -C -m x
file --compile
command rm x
command -v x -p
env -i ls
FOO=$(touch x) ls
[ 'a[$(touch x)]' -eq 1 ]
pip install x
pip list
pip show pytest
pip download x
echo "$(touch x)"
echo "${HOME}"
echo "$HOME"
echo "a`touch x`"
grep "$x" a
cat <<EOF
echo a &
tar tf a.tar
man ls
less a.txt
""".strip().splitlines()
REFUSED += [
    "ls |\n| wc",
    "ls &&\n",
    "ls\n&& rm x",
    "ls # a\nrm x",
    "ls \\",
    "ls \\\r\ntouch x",
    "echo a#\nrm x",
    "",
    " ",
    "\t",
    "ls\ntouch x",
    "ls\r\ntouch x",
    "ls\rtouch x",
    "ls\0touch x",
    "cat 'a\0b'",
    "ls 2>/dev/null\ntouch x",
    "cat <<'E'\nx\nE",
    "ls\x0btouch",
    "\x1b[2Jrm x",
    "l\u200bs",
]


def test_tables_are_as_long_as_they_should_be() -> None:
    assert len(set(READING)) >= 60
    assert len(set(REFUSED)) >= 80


@pytest.mark.parametrize("command", READING)
def test_reading_passes(command: str) -> None:
    assert reading_error(command) is None


@pytest.mark.parametrize("command", REFUSED, ids=ascii)
def test_all_else_is_refused(command: str) -> None:
    error = reading_error(command)
    assert error
    assert error.isprintable()
    assert len(error) < 250


@pytest.mark.parametrize(
    ("command", "said"),
    [
        pytest.param("ls > x", "`>` outside quotes", id="redirect"),
        pytest.param("ls\nrm x", "`rm` is not on the list", id="second-line"),
        pytest.param("wc -l $(git ls-files)", "git ls-files '*.py' | xargs wc -l", id="substitution"),
        pytest.param("cat <<EOF\nx\nEOF", "no here-document", id="here-document"),
        pytest.param("pytest -q", "`fermata check --baseline` runs the project's own checks", id="tests"),
        pytest.param("python3 -c 'x'", "JSON with jq", id="python"),
        pytest.param("for f in *; do ls; done", "call each command by itself", id="loop"),
        pytest.param("mkdir x", "nothing is changed here", id="change"),
        pytest.param("find . -exec grep x {} +", "find … | xargs grep …", id="find-exec"),
        pytest.param("sed -i s/a/b/ x", "without -i, w, r or e", id="sed"),
        pytest.param("git branch x", "write --list before a pattern", id="branch"),
        pytest.param("FOO=1 ls", "leave it out", id="assignment"),
        pytest.param("rm -rf x", "`rm` is not on the list", id="program"),
        pytest.param('ls "$x"', "use single quotes", id="double-quotes"),
        pytest.param("ls 'a", "the quote ' is not closed", id="quote"),
        pytest.param("ls |", "a part of the command is empty", id="open-end"),
        pytest.param("git push", "`git push` is not on the list", id="git"),
        pytest.param("sort *", "write ./ in front", id="glob"),
        pytest.param("x" * 100_000, f"`{'x' * 60}` is not", id="long-name-is-cut"),
    ],
)
def test_reason_names_the_part_and_the_rule(command: str, said: str | None) -> None:
    error = reading_error(command)
    assert (error is None) if said is None else (error is not None and said in error)


def test_long_command_is_judged_at_once() -> None:
    began = time.perf_counter()
    assert reading_error("cat " + "a/b " * 100_000) is None
    assert time.perf_counter() - began < 5


@pytest.mark.parametrize(
    ("text", "verb"),
    [
        pytest.param(f"'{LAUNCHER}' next", "next", id="plain"),
        pytest.param(f'"{LAUNCHER}" brief d-001', "brief", id="arguments"),
        pytest.param(f'"{LAUNCHER}" next 2>&1', "next", id="free-redirect"),
        pytest.param(f'"{LAUNCHER}"', "", id="no-verb"),
        pytest.param(f'"{LAUNCHER}" approve', "approve", id="a-persons-verb"),
        pytest.param(f'"{LAUNCHER}" --force approve', "--force", id="option-first"),
        pytest.param(f'  "{LAUNCHER}" next;', "next", id="blank-and-semicolon"),
        pytest.param(f'"{LAUNCHER}" next && ls', None, id="second-command"),
        pytest.param(f'"{LAUNCHER}" next | head', None, id="pipe"),
        pytest.param(f'"{LAUNCHER}" next > x', None, id="redirect"),
        pytest.param(f'"{LAUNCHER}" next $(touch x)', None, id="substitution"),
        pytest.param(f'"{LAUNCHER}" next\ntouch x', None, id="newline"),
        pytest.param(f'"{LAUNCHER}" next & touch x', None, id="background"),
        pytest.param(f'FERMATA_APPROVE=1 "{LAUNCHER}" next', None, id="environment"),
        pytest.param(f'ls; "{LAUNCHER}" next', None, id="not-first"),
        pytest.param("fermata next", None, id="by-name"),
        pytest.param("scripts/fermata next", None, id="relative"),
        pytest.param(LAUNCHER + " next", None, id="unquoted-blank"),
        pytest.param(f'"{LAUNCHER}x" next', None, id="longer-name"),
        pytest.param(f'"{LAUNCHER}/../evil" next', None, id="dots"),
        pytest.param(f'"{LAUNCHER}\0" next', None, id="nul"),
        pytest.param("", None, id="empty"),
    ],
)
def test_launcher_verb(text: str, verb: str | None) -> None:
    assert launcher_verb(text, LAUNCHER) == verb


pieces = st.lists(
    st.sampled_from(
        [*READING, *sorted(PLAIN), *sorted(SPECIAL_PROGRAMS), *"|;&<>$`(){}*?'\"\\!#~ \n\t", "&&", "2>&1", "-o"]
    )
    | st.text(max_size=4),
    max_size=8,
)


@given(pieces.map(" ".join) | pieces.map("".join) | st.text(max_size=40))
@example("ls '")
@example("\ud800")
@example("timeout 5 ls")
def test_any_text_is_judged(text: str) -> None:
    error = reading_error(text)
    assert error is None or error
    launcher_verb(text, "/f")
    if error is None:
        assert all(part and without_prefix(part)[0].text in (*PLAIN, *SPECIAL_PROGRAMS) for part in split_command(text))


@given(st.text(max_size=30), st.text("|;&<>$`'\" a", max_size=12))
def test_split_raises_only_its_own_error(text: str, more: str) -> None:
    with suppress(ShellError):
        assert all(split_command(text + more))


BASH = shutil.which("bash")
GIT_ENV = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@b", "LC_ALL": "C"}


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A small repository with file names that are options."""
    folder = str(tmp_path_factory.mktemp("scratch"))
    for name, text in {
        "a.txt": "b\na\n",
        "b.txt": "c\n",
        "src/app.py": "def foo():\n    pass\n",
        "src/-ox": "x\n",
        "-ox": "x\n",
        "--output=y": "x\n",
        "-delete": "x\n",
        "-i": "x\n",
        "README.md": "hello\n",
        "package.json": '{"name": "x", "scripts": {"a": "b"}}\n',
    }.items():
        path = os.path.join(folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
    env = {**os.environ, **GIT_ENV, "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@b"}
    for args in (["init", "-q"], ["add", "-A", "--", "."], ["commit", "-qm", "one"]):
        subprocess.run(["git", *args], cwd=folder, env=env, check=True)
    return folder


def content(folder: str) -> dict[str, bytes]:
    """Every file outside `.git` (reading may refresh git's index)."""
    found = {}
    for place, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if name != ".git"]
        found[place] = b""
        for name in files:
            with open(os.path.join(place, name), "rb") as file:
                found[os.path.join(place, name)] = file.read()
    return found


def run_in(folder: str, command: str) -> None:
    """Run *command* as the host would; what a program answers does not matter here, only what it leaves behind."""
    assert BASH is not None
    env = {"PATH": os.environ["PATH"], "HOME": folder, "TMPDIR": os.path.dirname(folder), **GIT_ENV}
    subprocess.run(
        [BASH, "-c", command],
        cwd=folder,
        env=env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=15,
        check=False,
    )


odd = st.lists(
    st.sampled_from(
        ["a", "-n", "b c", "'", '"', "\\", "$", "{}", "{", "}", ",", "..", "!", "#", "~", "x#y", "$?", "`", "(", "\\$"]
    )
    | st.text("ab '\"\\$!#{}.", max_size=5),
    max_size=7,
).map("".join)


@pytest.mark.skipif(BASH is None, reason="needs bash")
@settings(max_examples=150, deadline=None)
@given(odd)
@example("'a'\\''b'")
@example('"a\\"b" "\\x" "$" "\\$"')
@example("a #b 'c")
@example("@{1} {} {a} a!b")
def test_words_are_what_bash_makes_of_them(text: str) -> None:
    """The judges look at these words, so they have to be the ones that a program is given."""
    try:
        parts = split_command("printf '%s\\0' - " + text)
    except ShellError:
        return
    if len(parts) > 1 or any(word.wild or "~" in word.text for word in parts[0]):
        return
    done = subprocess.run(
        ["bash", "-c", "printf '%s\\0' - " + text], capture_output=True, text=True, check=False, timeout=15
    )
    assert done.stdout.split("\0")[:-1] == [word.text for word in parts[0]][2:], text


@pytest.mark.skipif(BASH is None, reason="needs bash")
@pytest.mark.parametrize("start", range(0, len(READING), 20))
def test_what_passes_leaves_the_folder_as_it_was(scratch: str, start: int) -> None:
    before = content(scratch)
    for command in READING[start : start + 20]:
        run_in(scratch, command)
        assert content(scratch) == before, command


words = st.sampled_from(
    "a.txt src/* ./* *.txt * -n -c -u -o -i -r -v -- - x 1,5p '1,5p' -name '*.py' HEAD log diff grep --stat --outp=x "
    "--output=x -O -uo ; | && || 2>&1 >/dev/null > & -ox -delete -print -exec 'w x' --text -l".split()
)
programs = st.sampled_from("ls cat sort uniq find git sed grep head wc printf test tr cut diff date echo jq".split())


@pytest.mark.skipif(BASH is None, reason="needs bash")
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(program=programs, rest=st.lists(words | programs, max_size=6))
@example(program="sort", rest=["*"])
@example(program="uniq", rest=["src/*"])
@example(program="uniq", rest=["-", "x"])
@example(program="find", rest=["*"])
def test_what_passes_by_chance_leaves_the_folder_as_it_was(scratch: str, program: str, rest: list[str]) -> None:
    command = " ".join([program, *rest])
    if reading_error(command) is None:
        before = content(scratch)
        run_in(scratch, command)
        assert content(scratch) == before, command
