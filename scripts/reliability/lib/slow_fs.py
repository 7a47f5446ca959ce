# python slow_fs.py ROOT MOUNTPOINT MILLISECONDS: shows ROOT at MOUNTPOINT, each write, sync and rename so much later.
# Needs mfusepy and fuse3.
import os
import sys
import time

import mfusepy as fuse


class Slow(fuse.Operations):
    def __init__(self, root, seconds):
        self.root = root
        self.seconds = seconds

    def path(self, path):
        return os.path.join(self.root, path.lstrip("/"))

    def wait(self):
        time.sleep(self.seconds)

    def getattr(self, path, fh=None):
        stat = os.lstat(self.path(path))
        keys = ("st_atime", "st_ctime", "st_gid", "st_mode", "st_mtime", "st_nlink", "st_size", "st_uid", "st_ino")
        return {key: getattr(stat, key) for key in keys}

    def readdir(self, path, fh):
        return [".", "..", *os.listdir(self.path(path))]

    def statfs(self, path):
        stat = os.statvfs(self.path(path))
        keys = ("f_bavail", "f_bfree", "f_blocks", "f_bsize", "f_favail", "f_ffree", "f_files", "f_frsize", "f_namemax")
        return {key: getattr(stat, key) for key in keys}

    def access(self, path, mode):
        if not os.access(self.path(path), mode):
            raise fuse.FuseOSError(13)
        return 0

    def open(self, path, flags):
        return os.open(self.path(path), flags)

    def create(self, path, mode, fi=None):
        self.wait()
        return os.open(self.path(path), os.O_RDWR | os.O_CREAT, mode)

    def read(self, path, size, offset, fh):
        return os.pread(fh, size, offset)

    def write(self, path, data, offset, fh):
        self.wait()
        return os.pwrite(fh, data, offset)

    def truncate(self, path, length, fh=None):
        os.truncate(self.path(path), length)
        return 0

    def flush(self, path, fh):
        return 0

    def fsync(self, path, datasync, fh):
        self.wait()
        os.fsync(fh)
        return 0

    def release(self, path, fh):
        os.close(fh)
        return 0

    def rename(self, old, new, flags=0):
        self.wait()
        os.rename(self.path(old), self.path(new))
        return 0

    def mkdir(self, path, mode):
        os.mkdir(self.path(path), mode)
        return 0

    def rmdir(self, path):
        os.rmdir(self.path(path))
        return 0

    def unlink(self, path):
        self.wait()
        os.unlink(self.path(path))
        return 0

    def chmod(self, path, mode):
        os.chmod(self.path(path), mode)
        return 0

    def chown(self, path, uid, gid):
        os.chown(self.path(path), uid, gid)
        return 0

    def utimens(self, path, times=None):
        os.utime(self.path(path), times)
        return 0


if __name__ == "__main__":
    root, at, milliseconds = sys.argv[1:]
    fuse.FUSE(Slow(root, float(milliseconds) / 1000), at, foreground=True, nothreads=False)
