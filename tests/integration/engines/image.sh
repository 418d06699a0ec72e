#!/bin/sh
# A root file system with Python 3 and nothing else, as the tar that `docker import` takes: image.sh OUT.tar
# From the Debian mirror that this machine's apt already uses; about a minute, once.
set -eu
out=$1
mirror=$(apt-get indextargets --format '$(CREATED_BY) $(REPO_URI) $(CODENAME)' | awk '$1 == "Packages" { print $2, $3; exit }')
[ -n "$mirror" ] || { echo "image.sh: apt knows no mirror: run apt-get update" >&2; exit 1; }
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
debootstrap --variant=minbase --include=python3 "${mirror#* }" "$root/image" "${mirror% *}" >"$root/log" 2>&1 || {
    tail -20 "$root/log" >&2
    exit 1
}
cd "$root/image"
rm -rf var/cache/apt var/lib/apt usr/share/doc usr/share/man usr/share/locale dev/* proc/* sys/*
mkdir -p "$(dirname "$out")"
tar --numeric-owner -cf "$out.part" .
mv "$out.part" "$out"
