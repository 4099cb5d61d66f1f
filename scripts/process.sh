# shellcheck shell=sh
# process.sh: processes that may outlive the script that started them; servers
# and demo source it. A file has the number of such a process and its start, so
# that a later process with the same number is not taken for it.

# process PID: prints its state and its start in clock ticks since boot, both
# from one read, because the process may end between two. The name in the second
# field may contain spaces.
process() {
	sed 's/^.*) //' "/proc/$1/stat" 2>/dev/null | cut -d' ' -f1,20
}

remember() { # FILE PID
	seen=$(process "$2") || :
	echo "$2 ${seen#* }" >"$1"
}

# alive FILE: sets $pid if the process in FILE is still running; a zombie is
# not.
alive() {
	{ read -r pid since <"$1"; } 2>/dev/null && [ -n "$since" ] || return 1
	case $(process "$pid") in
	[ZX]*) return 1 ;;
	*" $since") return 0 ;;
	esac
	return 1
}
