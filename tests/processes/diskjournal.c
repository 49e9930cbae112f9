/* Writes down what a process does to files, so that a test can say what a power cut would have left of them.
 *
 * Preloaded into every process of a run. DISK_JOURNAL names the file that the records go to, DISK_JOURNAL_BELOW the
 * folder outside of which nothing is noted. A record is one write(2) in append mode, so those of all processes stand in
 * one order; it is written before the call that it is about returns to whoever made it, so whatever follows from
 * that call stands behind it. Of fsync the beginning is noted too: what was written while it ran it has not promised.
 *
 * See diskjournal.py for the form of a record and for what is made of them.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum kind {
    OPENED = 'o', WRITTEN = 'w', TRUNCATED = 't', SYNC_BEGUN = 'b', SYNCED = 's',
    RENAMED = 'r', LINKED = 'l', UNLINKED = 'u', FOLDER_MADE = 'm', FOLDER_REMOVED = 'd',
    MAPPED = 'p', SAID = 'a', UNKNOWN = 'x'
};

typedef struct {
    uint32_t length, kind, pid, tid;
    uint64_t device, inode;
    int64_t offset;
    uint32_t path, other, bytes, unused; /* lengths of what follows */
} head_t;

#define REAL(name) ({ static typeof(&name) real; if (!real) real = (typeof(&name))dlsym(RTLD_NEXT, #name); real; })

static int journal_fd(void) {
    static int fd = -1, pid = 0;
    struct stat status;
    if (fd >= 0 && pid == getpid() && !syscall(SYS_fcntl, fd, F_GETFD)) return fd;
    if (fd >= 0 && !fstat(fd, &status) && S_ISREG(status.st_mode) && pid == getpid()) return fd;
    const char *path = getenv("DISK_JOURNAL");
    if (!path) return -1;
    int low = (int)syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
    if (low < 0) return -1;
    /* Out of the way of whoever counts on low numbers. */
    fd = (int)syscall(SYS_fcntl, low, F_DUPFD_CLOEXEC, 900);
    if (fd < 0) return fd = low;
    syscall(SYS_close, low);
    pid = getpid();
    return fd;
}

static void note(enum kind kind, const struct stat *of, int64_t offset, const char *path, const char *other,
                 const void *bytes, size_t count) {
    int kept = errno, fd = journal_fd();
    if (fd < 0) { errno = kept; return; }
    head_t head = {
        .kind = kind, .pid = (uint32_t)getpid(), .tid = (uint32_t)syscall(SYS_gettid), .offset = offset,
        .device = of ? of->st_dev : 0, .inode = of ? of->st_ino : 0,
        .path = path ? (uint32_t)strlen(path) : 0, .other = other ? (uint32_t)strlen(other) : 0, .bytes = (uint32_t)count,
    };
    head.length = (uint32_t)sizeof head + head.path + head.other + head.bytes;
    struct iovec parts[] = {
        {&head, sizeof head}, {(void *)path, head.path}, {(void *)other, head.other}, {(void *)bytes, count},
    };
    if (syscall(SYS_writev, fd, parts, 4) != (long)head.length) abort(); /* a journal with a hole is none */
    errno = kept;
}

/* ---------------------------------------------------------------- names */

/* Write the absolute form of a name into `whole`; 1 if it is below the folder that is watched. */
static int placed(int folder, const char *name, char whole[PATH_MAX]) {
    const char *below = getenv("DISK_JOURNAL_BELOW");
    char start[PATH_MAX];
    if (!below || !name) return 0;
    if (name[0] == '/') {
        snprintf(whole, PATH_MAX, "%s", name);
    } else {
        char link[64];
        snprintf(link, sizeof link, folder == AT_FDCWD ? "/proc/self/cwd" : "/proc/self/fd/%d", folder);
        ssize_t length = readlink(link, start, sizeof start - 1);
        if (length < 0) return 0;
        start[length] = 0;
        if (snprintf(whole, PATH_MAX, "%s/%s", start, name) >= PATH_MAX) return 0;
    }
    size_t length = strlen(below);
    return !strncmp(whole, below, length) && (whole[length] == '/' || !whole[length]);
}

/* The same of an open file: 1 if it is a plain file or folder below the folder that is watched. */
static int placed_fd(int fd, struct stat *status, char whole[PATH_MAX]) {
    char link[64];
    if (fstat(fd, status) || !(S_ISREG(status->st_mode) || S_ISDIR(status->st_mode))) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, whole, PATH_MAX - 1);
    if (length < 0) return 0;
    whole[length] = 0;
    char again[PATH_MAX];
    return placed(AT_FDCWD, whole, again);
}

static void opened(int fd, int folder, const char *name, int flags) {
    char whole[PATH_MAX];
    struct stat status;
    int kept = errno;
    if ((flags & O_TMPFILE) == O_TMPFILE) return; /* it has no name, and is gone when it is closed */
    if (fd >= 0 && flags & (O_WRONLY | O_RDWR | O_CREAT | O_TRUNC) && placed(folder, name, whole) && !fstat(fd, &status) && S_ISREG(status.st_mode))
        note(OPENED, &status, flags, whole, NULL, NULL, 0);
    errno = kept;
}

#define OPEN(name, folder_parameter, folder, target, ...)                          \
    int name(folder_parameter const char *target, int flags, ...) {                \
        mode_t mode = 0;                                                           \
        if (flags & (O_CREAT | __O_TMPFILE)) {                                     \
            va_list rest;                                                          \
            va_start(rest, flags);                                                 \
            mode = (mode_t)va_arg(rest, int);                                      \
            va_end(rest);                                                          \
        }                                                                          \
        int fd = REAL(name)(__VA_ARGS__, flags, mode);                             \
        opened(fd, folder, target, flags);                                         \
        return fd;                                                                 \
    }
#define COMMA ,

OPEN(open, , AT_FDCWD, path, path)
OPEN(open64, , AT_FDCWD, path, path)
OPEN(openat, int folder COMMA, folder, path, folder, path)
OPEN(openat64, int folder COMMA, folder, path, folder, path)

/* ---------------------------------------------------------------- what files hold */

static void written(int fd, const void *bytes, ssize_t count, off_t offset) {
    char whole[PATH_MAX];
    struct stat status;
    int kept = errno;
    if (count <= 0 || fd == journal_fd()) { errno = kept; return; }
    /* What is said to others: a service has its standard output on another number. */
    if (fd == 1 || fd == 2 || (*(const char *)bytes == '{' && !fstat(fd, &status) && S_ISFIFO(status.st_mode))) {
        note(SAID, NULL, fd, NULL, NULL, bytes, (size_t)count);
    } else if (placed_fd(fd, &status, whole)) {
        if (offset < 0) offset = lseek(fd, 0, SEEK_CUR) - count;
        note(WRITTEN, &status, offset, whole, NULL, bytes, (size_t)count);
    }
    errno = kept;
}

ssize_t write(int fd, const void *bytes, size_t count) {
    ssize_t done = REAL(write)(fd, bytes, count);
    written(fd, bytes, done, -1);
    return done;
}

#define PWRITE(name, offset_t)                                                     \
    ssize_t name(int fd, const void *bytes, size_t count, offset_t offset) {       \
        ssize_t done = REAL(name)(fd, bytes, count, offset);                       \
        written(fd, bytes, done, offset);                                          \
        return done;                                                               \
    }
PWRITE(pwrite, off_t)
PWRITE(pwrite64, off64_t)

/* Calls that may change files and that no test has needed so far: noted, and refused by whoever reads. */
static void unknown(int fd, const char *call) {
    char whole[PATH_MAX];
    struct stat status;
    int kept = errno;
    if (placed_fd(fd, &status, whole)) note(UNKNOWN, &status, 0, whole, call, NULL, 0);
    errno = kept;
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
    ssize_t done = REAL(writev)(fd, parts, count);
    unknown(fd, "writev");
    return done;
}

int fallocate(int fd, int mode, off_t offset, off_t length) {
    int done = REAL(fallocate)(fd, mode, offset, length);
    unknown(fd, "fallocate");
    return done;
}

int posix_fallocate(int fd, off_t offset, off_t length) {
    int done = REAL(posix_fallocate)(fd, offset, length);
    unknown(fd, "posix_fallocate");
    return done;
}

ssize_t copy_file_range(int in, off64_t *from, int out, off64_t *to, size_t count, unsigned flags) {
    ssize_t done = REAL(copy_file_range)(in, from, out, to, count, flags);
    unknown(out, "copy_file_range");
    return done;
}

ssize_t sendfile(int out, int in, off_t *offset, size_t count) {
    ssize_t done = REAL(sendfile)(out, in, offset, count);
    unknown(out, "sendfile");
    return done;
}

ssize_t sendfile64(int out, int in, off64_t *offset, size_t count) {
    ssize_t done = REAL(sendfile64)(out, in, offset, count);
    unknown(out, "sendfile64");
    return done;
}

int truncate(const char *path, off_t length) {
    int done = REAL(truncate)(path, length);
    char whole[PATH_MAX];
    if (!done && placed(AT_FDCWD, path, whole)) note(UNKNOWN, NULL, 0, whole, "truncate", NULL, 0);
    return done;
}

static int truncated(int fd, int done, off_t length) {
    char whole[PATH_MAX];
    struct stat status;
    if (!done && placed_fd(fd, &status, whole)) note(TRUNCATED, &status, length, whole, NULL, NULL, 0);
    return done;
}

int ftruncate(int fd, off_t length) { return truncated(fd, REAL(ftruncate)(fd, length), length); }
int ftruncate64(int fd, off64_t length) { return truncated(fd, REAL(ftruncate64)(fd, length), length); }

/* SQLite's index of its log is memory that is shared by way of a file; no other file may be. */
static void mapped(int protection, int flags, int fd) {
    char whole[PATH_MAX];
    struct stat status;
    int kept = errno;
    if (fd >= 0 && (flags & MAP_SHARED) && (protection & PROT_WRITE) && placed_fd(fd, &status, whole))
        note(MAPPED, &status, 0, whole, NULL, NULL, 0);
    errno = kept;
}

#define MMAP(name, offset_t)                                                                          \
    void *name(void *at, size_t length, int protection, int flags, int fd, offset_t offset) {         \
        void *got = (void *)syscall(SYS_mmap, at, length, protection, flags, fd, offset);             \
        mapped(protection, flags, fd);                                                                \
        return got;                                                                                   \
    }
MMAP(mmap, off_t)
MMAP(mmap64, off64_t)

#define SYNC(name)                                                                 \
    int name(int fd) {                                                             \
        char whole[PATH_MAX];                                                      \
        struct stat status;                                                        \
        int is_ours = placed_fd(fd, &status, whole);                               \
        if (is_ours) note(SYNC_BEGUN, &status, 0, whole, NULL, NULL, 0);           \
        int done = REAL(name)(fd);                                                 \
        if (is_ours && !done) note(SYNCED, &status, 0, whole, NULL, NULL, 0);      \
        return done;                                                               \
    }
SYNC(fsync)
SYNC(fdatasync)

/* ---------------------------------------------------------------- what folders hold */

static int moved(enum kind kind, int done, int folder, const char *path, int other_folder, const char *other) {
    char whole[PATH_MAX], other_whole[PATH_MAX];
    int kept = errno;
    if (!done && placed(other_folder, other, other_whole) && placed(folder, path, whole))
        note(kind, NULL, 0, whole, other_whole, NULL, 0);
    errno = kept;
    return done;
}

int rename(const char *path, const char *other) {
    return moved(RENAMED, REAL(rename)(path, other), AT_FDCWD, path, AT_FDCWD, other);
}
int renameat(int folder, const char *path, int other_folder, const char *other) {
    return moved(RENAMED, REAL(renameat)(folder, path, other_folder, other), folder, path, other_folder, other);
}
int link(const char *path, const char *other) {
    return moved(LINKED, REAL(link)(path, other), AT_FDCWD, path, AT_FDCWD, other);
}
int linkat(int folder, const char *path, int other_folder, const char *other, int flags) {
    return moved(LINKED, REAL(linkat)(folder, path, other_folder, other, flags), folder, path, other_folder, other);
}

static int changed(enum kind kind, int done, int folder, const char *path) {
    char whole[PATH_MAX];
    int kept = errno;
    if (!done && placed(folder, path, whole)) note(kind, NULL, 0, whole, NULL, NULL, 0);
    errno = kept;
    return done;
}

int unlink(const char *path) { return changed(UNLINKED, REAL(unlink)(path), AT_FDCWD, path); }
int unlinkat(int folder, const char *path, int flags) {
    enum kind kind = flags & AT_REMOVEDIR ? FOLDER_REMOVED : UNLINKED;
    return changed(kind, REAL(unlinkat)(folder, path, flags), folder, path);
}
int rmdir(const char *path) { return changed(FOLDER_REMOVED, REAL(rmdir)(path), AT_FDCWD, path); }
int mkdir(const char *path, mode_t mode) { return changed(FOLDER_MADE, REAL(mkdir)(path, mode), AT_FDCWD, path); }
int mkdirat(int folder, const char *path, mode_t mode) {
    return changed(FOLDER_MADE, REAL(mkdirat)(folder, path, mode), folder, path);
}
