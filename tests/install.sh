#!/bin/bash
# The library as a user meets it: installed, found by pkg-config, an example compiled against it, shared and static; its mask
# is the program's. Prints TAP.
#   install.sh SOURCE_ROOT BUILD_FOLDER
# shellcheck disable=SC2317  # check() calls what looks unreachable
set -uo pipefail
source_root=$1 build=$2
work=$(mktemp -d "${TMPDIR:-/tmp}/polyp-install-XXXXXX")
trap 'rm -rf "$work"' EXIT
number=0 failures=0

check() { # check "what" COMMAND...
    local what=$1
    shift
    number=$((number + 1))
    if "$@" >"$work/output" 2>&1; then
        echo "ok $number - $what"
    else
        failures=$((failures + 1))
        echo "not ok $number - $what"
        sed "s/^/$what: /" "$work/output" | tail -n 15 >&2
    fi
}

installs() { DESTDIR=$work/root meson install -C "$build" --no-rebuild --quiet; }

finds_network() { (unset POLYP_MODEL && "$polyp" info >"$work/info" && grep "^file  *$work/root.*safetensors" "$work/info"); }

# The installed tree stands under $work/root: pkg-config's paths get that before them.
settings() {
    local folder
    folder=$(dirname "$(find "$work/root" -name polyp.pc)")
    PKG_CONFIG_PATH=$folder PKG_CONFIG_LIBDIR=$folder:$(pkg-config --variable pc_path pkg-config) pkg-config "$@" polyp |
        sed "s|\(-[IL]\)\(/usr/local\)|\1$work/root\2|g"
}

compiles_shared() {
    # shellcheck disable=SC2046  # one word a flag
    cc -Wall -Werror "$source_root/examples/predict.c" $(settings --cflags --libs) -o "$work/shared"
}

# A program may have functions of the names that the library uses inside.
compiles_static() {
    echo 'int fail(void); int fail(void) { return 1; } int file_read(void); int file_read(void) { return 2; }' >"$work/own.c"
    # shellcheck disable=SC2046
    cc -Wall -Werror "$source_root/examples/predict.c" "$work/own.c" $(settings --cflags) \
        "$(find "$work/root" -name libpolyp.a)" $(settings --static --libs | sed 's/-lpolyp\b//') -fopenmp -o "$work/static"
}

trains() {
    "$polyp" train "$work/data" --out "$work/run" --preset slim18 --size 64 --epochs 1 --batch 4 --quiet &&
        "$polyp" predict "$work/run/model.safetensors" "$picture" --out "$work/program" --quiet
}

same_mask() { "$1" "$work/run/model.safetensors" "$picture" "$work/mask.png" && cmp "$work/mask.png" "$work"/program/*.png; }

refuses() { # the example hands the library's words on
    ! "$work/shared" "$work/run/model.safetensors" "$source_root/README.md" "$work/no.png" 2>"$work/words" &&
        grep -q README.md "$work/words" && [[ ! -e $work/no.png ]]
}

echo 1..10
check "installs" installs
polyp=$(find "$work/root" -name polyp -path '*/bin/*')
LD_LIBRARY_PATH=$(dirname "$(find "$work/root" -name libpolyp.so)")
export LD_LIBRARY_PATH
check "the installed program runs" "$polyp" --version
check "the installed program finds the network installed with it" finds_network
check "the shared library has its number" test -e "$LD_LIBRARY_PATH/libpolyp.so.0"
check "example compiles with the shared library" compiles_shared
check "example compiles with the static library" compiles_static
"$polyp" synth "$work/data" --count 12 --width 80 --height 64 --seed 5 --quiet >/dev/null 2>&1
picture=$(find "$work/data/images" -type f | sort | head -n 1)
check "a small network is trained" trains
check "shared example finds what the program finds" same_mask "$work/shared"
check "static example finds what the program finds" same_mask "$work/static"
check "example says what is wrong" refuses
exit $((failures > 0))
