#!/bin/bash
# The first and only program of the guest: prepares the machine, runs the jobs, and switches it off.
export PATH=/usr/sbin:/usr/bin HOME=/root
mkdir -p /usr/local/bin /root /run /tmp /var/tmp
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
mkdir -p /dev/shm
mount -t tmpfs tmpfs /dev/shm
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /tmp
ip link set lo up
# fio runs commands by it.
ln -s bash /usr/bin/sh
node /dafs/test/benchmark/guest/inside-main.ts
busybox poweroff -f
