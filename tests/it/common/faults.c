/*
 * Preloaded into a program under test: counts its calls that write to files below certain directories,
 * and at one of them kills the program or makes the call fail. See faults.rs.
 *
 *   WTFAULT_DIRS    resolved directories, separated by colons; only calls on files below them count
 *   WTFAULT_MODE    count, kill, kill-after, torn, error, flip, signal
 *   WTFAULT_AT      at which counted call, from 1
 *   WTFAULT_ERRNO   for error: what errno becomes
 *   WTFAULT_STICKY  for error: 1 if later calls fail as well. If the disk is full only those that need space do.
 *   WTFAULT_SIGNAL  for signal: which one the program gets, before the call is done
 *   WTFAULT_WAIT    for signal: milliseconds until the call is done
 *   WTFAULT_READS   1 if opening a file only to read it counts, too
 *   WTFAULT_BAD     file, first byte and byte behind the last, with colons between: a place of the medium
 *                   that gives EIO to every read that touches it; independent of all the others
 *   WTFAULT_SHRINK  file that loses all but its first page as soon as it is mapped: a SIGBUS for who reads on
 *   WTFAULT_REPORT  the file that gets a line per counted call
 *   WTFAULT_ALARM   seconds after which the program is taken for hung
 *
 * A line is written before its call is done, by a system call of its own, so that nothing is lost at a kill:
 * ordinal, kind, +needs-space or -, failed or -, offset or -1, length or -1, path, target path; tabs between.
 */

/* The checking variants of open() are macros that would stand in the way. */
#undef _FORTIFY_SOURCE
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define API __attribute__((visibility("default")))
#define NEXT(name) \
    static __typeof__(name) *real; \
    if (!real) real = (__typeof__(name) *)dlsym(RTLD_NEXT, #name)

enum mode { COUNT, KILL, KILL_AFTER, TORN, ERROR, FLIP, SIGNAL };
/* What becomes of a call. */
enum fate { DO, REFUSE, TEAR, LAST, LIE, INTERRUPT };

static enum mode mode = COUNT;
static long at, error, sticky, signal_number, patience, reads;
static int report = -1;
static char *dirs = "";
static char *bad_file, *shrinking;
static long long bad_from, bad_to;
static atomic_long counted;

static long number(const char *name) {
    const char *value = getenv(name);
    return value ? atol(value) : 0;
}

__attribute__((constructor)) static void start(void) {
    static const char *const names[] = {"count", "kill", "kill-after", "torn", "error", "flip", "signal"};
    static const char *const ours[] = {"WTFAULT_DIRS", "WTFAULT_MODE", "WTFAULT_AT", "WTFAULT_ERRNO",
        "WTFAULT_STICKY", "WTFAULT_SIGNAL", "WTFAULT_WAIT", "WTFAULT_READS", "WTFAULT_BAD", "WTFAULT_SHRINK", "WTFAULT_REPORT", "WTFAULT_ALARM", "LD_PRELOAD"};
    const char *value = getenv("WTFAULT_MODE");
    for (int i = 0; value && i < 7; i++)
        if (strcmp(value, names[i]) == 0) mode = i;
    at = number("WTFAULT_AT");
    error = number("WTFAULT_ERRNO");
    sticky = number("WTFAULT_STICKY");
    signal_number = number("WTFAULT_SIGNAL");
    patience = number("WTFAULT_WAIT");
    reads = number("WTFAULT_READS");
    if ((value = getenv("WTFAULT_REPORT")))
        report = syscall(SYS_openat, AT_FDCWD, value, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if ((value = getenv("WTFAULT_BAD"))) {
        char *copy = strdup(value), *to = strrchr(copy, ':');
        if (to) *to++ = 0;
        char *from = to ? strrchr(copy, ':') : NULL;
        if (from) {
            *from++ = 0;
            bad_from = atoll(from), bad_to = atoll(to);
            bad_file = copy;
        }
    }
    if ((value = getenv("WTFAULT_SHRINK"))) shrinking = strdup(value);
    if (number("WTFAULT_ALARM")) alarm(number("WTFAULT_ALARM"));
    /* Last, as only now the first call can count. */
    if ((value = getenv("WTFAULT_DIRS"))) dirs = strdup(value);
    /* A child would count from 1 again, into the same report. */
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++) unsetenv(ours[i]);
}

__attribute__((noreturn)) static void die(void) {
    kill(getpid(), SIGKILL);
    for (;;) pause();
}

static int below(const char *path) {
    for (const char *dir = dirs; *dir;) {
        size_t len = strcspn(dir, ":");
        if (len && strncmp(path, dir, len) == 0 && (path[len] == '/' || path[len] == 0)) return 1;
        dir += len + (dir[len] == ':');
    }
    return 0;
}

static int fd_path(int fd, char *path) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t len = readlink(link, path, PATH_MAX - 1);
    path[len > 0 ? len : 0] = 0;
    return len > 0;
}

/* Does a file descriptor count? Its path. */
static int fd_counts(int fd, char *path) {
    return *dirs && fd >= 0 && fd != 1 && fd != 2 && fd_path(fd, path) && below(path);
}

/* Does a name count? What it is without links above it, and if `follow` without being one. */
static int name_counts(int dir, const char *name, int follow, char *path) {
    char full[2 * PATH_MAX], at_dir[PATH_MAX];
    *path = 0;
    if (!*dirs || !name || strlen(name) >= PATH_MAX) return 0;
    if (*name == '/') strcpy(full, name);
    else if (dir == AT_FDCWD) snprintf(full, sizeof full, "./%s", name);
    else if (fd_path(dir, at_dir)) snprintf(full, sizeof full, "%s/%s", at_dir, name);
    else return 0;
    if (follow && realpath(full, path)) return below(path);
    size_t len = strlen(full);
    while (len > 1 && full[len - 1] == '/') full[--len] = 0;
    char *base = strrchr(full, '/');
    *base++ = 0;
    if (!realpath(*full ? full : "/", path) || strlen(path) + strlen(base) + 2 > PATH_MAX) {
        *path = 0;
        return 0;
    }
    strcat(strcat(path, "/"), base);
    return below(path);
}

/* A call that counts: report it, and say what becomes of it. errno is set if it is refused. */
static enum fate meet(const char *kind, int space, const char *path, const char *to, long long offset, long long len) {
    long n = atomic_fetch_add(&counted, 1) + 1;
    enum fate fate = DO;
    if (mode == ERROR) {
        int full = sticky && (error == ENOSPC || error == EDQUOT);
        if (sticky ? n >= at && (space || !full) : n == at) fate = REFUSE;
    } else if (mode == FLIP) {
        if (n == at) fate = LIE;
    } else if (mode == SIGNAL) {
        if (n == at) fate = INTERRUPT;
    } else if (mode != COUNT) {
        /* Nothing later happens in other threads either. */
        while (n > at) pause();
        if (n == at) fate = mode == KILL_AFTER ? LAST : TEAR;
    }
    char line[2 * PATH_MAX + 200];
    int size = snprintf(line, sizeof line, "%ld\t%s\t%s\t%s\t%lld\t%lld\t%s\t%s\n", n, kind, space ? "+" : "-",
        fate == REFUSE ? "failed" : fate == INTERRUPT ? "signal" : "-", offset, len, path, to);
    if (report >= 0) syscall(SYS_write, report, line, (size_t)size);
    if (fate == TEAR && mode == KILL) die();
    if (fate == REFUSE) errno = error;
    if (fate == INTERRUPT) {
        kill(getpid(), (int)signal_number);
        /* Signals end a sleep early. */
        struct timespec left = {patience / 1000, patience % 1000 * 1000000};
        while (nanosleep(&left, &left) != 0) {}
        return DO;
    }
    return fate;
}

/* The rest of a function: `call`, unless it is refused. A call that is torn and no write is not done. */
#define FINISH(meeting, call) \
    do { \
        enum fate met = (meeting); \
        if (met == REFUSE) return -1; \
        if (met == TEAR) die(); \
        __typeof__(call) result = (call); \
        if (met == LAST) die(); \
        return result; \
    } while (0)

/* The same for a write; if it is torn, `part` is done, and `lie` if its bytes are to be others. */
#define FINISH_WRITE(meeting, call, part, lie) \
    do { \
        enum fate met_write = (meeting); \
        if (met_write == LIE) return (lie); \
        if (met_write == TEAR) { \
            __typeof__(call) ignored = (part); \
            (void)ignored; \
        } \
        FINISH(met_write, call); \
    } while (0)

/* ---- Bytes ---- */

/* The bytes with one bit in the middle flipped; never given back. */
static void *flipped(const void *buf, size_t len) {
    char *copy = malloc(len + 1);
    memcpy(copy, buf, len);
    if (len) copy[len / 2] ^= 1;
    return copy;
}

static void *flipped_pieces(const struct iovec *iov, int count, size_t len) {
    char *all = malloc(len + 1), *to = all;
    for (int i = 0; i < count; i++) to = (char *)memcpy(to, iov[i].iov_base, iov[i].iov_len) + iov[i].iov_len;
    if (len) all[len / 2] ^= 1;
    return all;
}

static long long position(int fd) { return lseek(fd, 0, SEEK_CUR); }

static long long total(const struct iovec *iov, int count) {
    long long sum = 0;
    for (int i = 0; i < count; i++) sum += iov[i].iov_len;
    return sum;
}

/* The first half of the bytes of `iov`; how many pieces that is. */
static int first_half(const struct iovec *iov, int count, struct iovec *out) {
    long long left = total(iov, count) / 2;
    int n = 0;
    for (; n < count && n < IOV_MAX && left > 0; n++) {
        out[n] = iov[n];
        if ((long long)out[n].iov_len > left) out[n].iov_len = left;
        left -= out[n].iov_len;
    }
    return n;
}

API ssize_t write(int fd, const void *buf, size_t len) {
    NEXT(write);
    char path[PATH_MAX];
    if (!fd_counts(fd, path)) return real(fd, buf, len);
    FINISH_WRITE(meet("write", 1, path, "", position(fd), len), real(fd, buf, len), real(fd, buf, len / 2),
        real(fd, flipped(buf, len), len));
}

#define PWRITE(name, off_type) \
    API ssize_t name(int fd, const void *buf, size_t len, off_type off) { \
        NEXT(name); \
        char path[PATH_MAX]; \
        if (!fd_counts(fd, path)) return real(fd, buf, len, off); \
        FINISH_WRITE(meet("pwrite", 1, path, "", off, len), real(fd, buf, len, off), real(fd, buf, len / 2, off), \
            real(fd, flipped(buf, len), len, off)); \
    }
PWRITE(pwrite, off_t)
PWRITE(pwrite64, off64_t)

API ssize_t writev(int fd, const struct iovec *iov, int count) {
    NEXT(writev);
    char path[PATH_MAX];
    if (!fd_counts(fd, path)) return real(fd, iov, count);
    struct iovec half[IOV_MAX];
    FINISH_WRITE(meet("writev", 1, path, "", position(fd), total(iov, count)), real(fd, iov, count),
        real(fd, half, first_half(iov, count, half)),
        real(fd, &(struct iovec){flipped_pieces(iov, count, total(iov, count)), total(iov, count)}, 1));
}

#define PWRITEV(name, off_type) \
    API ssize_t name(int fd, const struct iovec *iov, int count, off_type off) { \
        NEXT(name); \
        char path[PATH_MAX]; \
        if (!fd_counts(fd, path)) return real(fd, iov, count, off); \
        struct iovec half[IOV_MAX]; \
        FINISH_WRITE(meet("pwritev", 1, path, "", off, total(iov, count)), real(fd, iov, count, off), \
            real(fd, half, first_half(iov, count, half), off), \
            real(fd, &(struct iovec){flipped_pieces(iov, count, total(iov, count)), total(iov, count)}, 1, off)); \
    }
PWRITEV(pwritev, off_t)
PWRITEV(pwritev64, off64_t)

#define PWRITEV2(name, off_type) \
    API ssize_t name(int fd, const struct iovec *iov, int count, off_type off, int flags) { \
        NEXT(name); \
        char path[PATH_MAX]; \
        if (!fd_counts(fd, path)) return real(fd, iov, count, off, flags); \
        struct iovec half[IOV_MAX]; \
        FINISH_WRITE(meet("pwritev", 1, path, "", off, total(iov, count)), real(fd, iov, count, off, flags), \
            real(fd, half, first_half(iov, count, half), off, flags), \
            real(fd, &(struct iovec){flipped_pieces(iov, count, total(iov, count)), total(iov, count)}, 1, off, flags)); \
    }
PWRITEV2(pwritev2, off_t)
PWRITEV2(pwritev64v2, off64_t)

/* How much a copy of `len` bytes has to copy; callers give more than there is. */
static size_t available(int in, long long off, size_t len) {
    struct stat64 st;
    if (off < 0 || fstat64(in, &st) != 0 || !S_ISREG(st.st_mode)) return len;
    long long left = st.st_size - off;
    return left < 0 ? 0 : (unsigned long long)left < len ? (size_t)left : len;
}

API ssize_t copy_file_range(int in, off64_t *in_off, int out, off64_t *out_off, size_t len, unsigned flags) {
    NEXT(copy_file_range);
    char path[PATH_MAX];
    if (!fd_counts(out, path)) return real(in, in_off, out, out_off, len, flags);
    size_t have = available(in, in_off ? *in_off : position(in), len);
    FINISH_WRITE(meet("copy_file_range", 1, path, "", out_off ? *out_off : position(out), have),
        real(in, in_off, out, out_off, len, flags), real(in, in_off, out, out_off, have / 2, flags),
        real(in, in_off, out, out_off, len, flags));
}

#define SENDFILE(name, off_type) \
    API ssize_t name(int out, int in, off_type *off, size_t len) { \
        NEXT(name); \
        char path[PATH_MAX]; \
        if (!fd_counts(out, path)) return real(out, in, off, len); \
        size_t have = available(in, off ? *off : position(in), len); \
        FINISH_WRITE(meet("sendfile", 1, path, "", position(out), have), real(out, in, off, len), \
            real(out, in, off, have / 2), real(out, in, off, len)); \
    }
SENDFILE(sendfile, off_t)
SENDFILE(sendfile64, off64_t)

API ssize_t splice(int in, off64_t *in_off, int out, off64_t *out_off, size_t len, unsigned flags) {
    NEXT(splice);
    char path[PATH_MAX];
    if (!fd_counts(out, path)) return real(in, in_off, out, out_off, len, flags);
    FINISH_WRITE(meet("splice", 1, path, "", out_off ? *out_off : position(out), len),
        real(in, in_off, out, out_off, len, flags), real(in, in_off, out, out_off, len / 2, flags),
        real(in, in_off, out, out_off, len, flags));
}

/* ---- Reads ---- */

/* Does a read touch the place that the medium does not give? */
static int is_bad(int fd, long long off, size_t len) {
    char path[PATH_MAX];
    if (!bad_file || off >= bad_to || off + (long long)len <= bad_from) return 0;
    if (!fd_path(fd, path) || strcmp(path, bad_file) != 0) return 0;
    errno = EIO;
    return 1;
}

API ssize_t read(int fd, void *buf, size_t len) {
    NEXT(read);
    return bad_file && is_bad(fd, position(fd), len) ? -1 : real(fd, buf, len);
}

#define PREAD(name, off_type) \
    API ssize_t name(int fd, void *buf, size_t len, off_type off) { \
        NEXT(name); \
        return is_bad(fd, off, len) ? -1 : real(fd, buf, len, off); \
    }
PREAD(pread, off_t)
PREAD(pread64, off64_t)

/* ---- Lengths ---- */

static int grows(const char *path, int fd, long long len) {
    struct stat64 st;
    return (path ? stat64(path, &st) : fstat64(fd, &st)) == 0 && st.st_size < len;
}

#define FTRUNCATE(name, off_type) \
    API int name(int fd, off_type len) { \
        NEXT(name); \
        char path[PATH_MAX]; \
        if (!fd_counts(fd, path)) return real(fd, len); \
        FINISH(meet("ftruncate", grows(NULL, fd, len), path, "", -1, len), real(fd, len)); \
    }
FTRUNCATE(ftruncate, off_t)
FTRUNCATE(ftruncate64, off64_t)

#define TRUNCATE(name, off_type) \
    API int name(const char *file, off_type len) { \
        NEXT(name); \
        char path[PATH_MAX]; \
        if (!name_counts(AT_FDCWD, file, 1, path)) return real(file, len); \
        FINISH(meet("truncate", grows(file, -1, len), path, "", -1, len), real(file, len)); \
    }
TRUNCATE(truncate, off_t)
TRUNCATE(truncate64, off64_t)

#define FALLOCATE(name, off_type) \
    API int name(int fd, int how, off_type off, off_type len) { \
        NEXT(name); \
        char path[PATH_MAX]; \
        if (!fd_counts(fd, path)) return real(fd, how, off, len); \
        int space = !(how & (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_COLLAPSE_RANGE)); \
        FINISH(meet("fallocate", space, path, "", off, len), real(fd, how, off, len)); \
    }
FALLOCATE(fallocate, off_t)
FALLOCATE(fallocate64, off64_t)

/* These give the error back instead of setting errno. */
#define POSIX_FALLOCATE(name, off_type) \
    API int name(int fd, off_type off, off_type len) { \
        NEXT(name); \
        char path[PATH_MAX]; \
        if (!fd_counts(fd, path)) return real(fd, off, len); \
        enum fate early = meet("fallocate", 1, path, "", off, len); \
        if (early == REFUSE) return (int)error; \
        FINISH(early, real(fd, off, len)); \
    }
POSIX_FALLOCATE(posix_fallocate, off_t)
POSIX_FALLOCATE(posix_fallocate64, off64_t)

/* ---- Syncs ---- */

#define SYNC(name) \
    API int name(int fd) { \
        NEXT(name); \
        char path[PATH_MAX]; \
        if (!fd_counts(fd, path)) return real(fd); \
        FINISH(meet(#name, 0, path, "", -1, -1), real(fd)); \
    }
SYNC(fsync)
SYNC(fdatasync)
SYNC(syncfs)

API int sync_file_range(int fd, off64_t off, off64_t len, unsigned flags) {
    NEXT(sync_file_range);
    char path[PATH_MAX];
    if (!fd_counts(fd, path)) return real(fd, off, len, flags);
    FINISH(meet("sync_file_range", 0, path, "", off, len), real(fd, off, len, flags));
}

/* The file mapped at an address, and the offset in it. */
static int mapped(const void *addr, char *path, long long *offset) {
    FILE *maps = fopen("/proc/self/maps", "re");
    char line[PATH_MAX + 200];
    int found = 0;
    while (maps && !found && fgets(line, sizeof line, maps)) {
        unsigned long from, to, off;
        int name = 0;
        line[strcspn(line, "\n")] = 0;
        if (sscanf(line, "%lx-%lx %*s %lx %*s %*s %n", &from, &to, &off, &name) < 3) continue;
        if ((unsigned long)addr < from || (unsigned long)addr >= to || strlen(line + name) >= PATH_MAX) continue;
        strcpy(path, line + name);
        *offset = (long long)(off + ((unsigned long)addr - from));
        found = 1;
    }
    if (maps) fclose(maps);
    return found;
}

API int msync(void *addr, size_t len, int flags) {
    NEXT(msync);
    char path[PATH_MAX];
    long long offset;
    if (!*dirs || !mapped(addr, path, &offset) || !below(path)) return real(addr, len, flags);
    FINISH(meet("msync", 0, path, "", offset, len), real(addr, len, flags));
}

/* ---- Names ---- */

#define RENAME(from_dir, from_name, to_dir, to_name, call) \
    do { \
        char from[PATH_MAX], to[PATH_MAX]; \
        int counts = name_counts(from_dir, from_name, 0, from); \
        counts |= name_counts(to_dir, to_name, 0, to); \
        if (!counts) return call; \
        FINISH(meet("rename", 0, from, to, -1, -1), call); \
    } while (0)

API int rename(const char *a, const char *b) {
    NEXT(rename);
    RENAME(AT_FDCWD, a, AT_FDCWD, b, real(a, b));
}

API int renameat(int da, const char *a, int db, const char *b) {
    NEXT(renameat);
    RENAME(da, a, db, b, real(da, a, db, b));
}

API int renameat2(int da, const char *a, int db, const char *b, unsigned flags) {
    NEXT(renameat2);
    RENAME(da, a, db, b, real(da, a, db, b, flags));
}

/* Calls on one name. */
#define NAME(kind, space, dir, name, call) \
    do { \
        char path[PATH_MAX]; \
        if (!name_counts(dir, name, 0, path)) return call; \
        FINISH(meet(kind, space, path, "", -1, -1), call); \
    } while (0)

API int unlink(const char *a) {
    NEXT(unlink);
    NAME("unlink", 0, AT_FDCWD, a, real(a));
}

API int unlinkat(int dir, const char *a, int flags) {
    NEXT(unlinkat);
    NAME(flags & AT_REMOVEDIR ? "rmdir" : "unlink", 0, dir, a, real(dir, a, flags));
}

API int remove(const char *a) {
    NEXT(remove);
    NAME("unlink", 0, AT_FDCWD, a, real(a));
}

API int rmdir(const char *a) {
    NEXT(rmdir);
    NAME("rmdir", 0, AT_FDCWD, a, real(a));
}

API int mkdir(const char *a, mode_t bits) {
    NEXT(mkdir);
    NAME("mkdir", 1, AT_FDCWD, a, real(a, bits));
}

API int mkdirat(int dir, const char *a, mode_t bits) {
    NEXT(mkdirat);
    NAME("mkdir", 1, dir, a, real(dir, a, bits));
}

/* What a link leads to does not change: only the new name counts. */
API int link(const char *a, const char *b) {
    NEXT(link);
    NAME("link", 1, AT_FDCWD, b, real(a, b));
}

API int linkat(int da, const char *a, int db, const char *b, int flags) {
    NEXT(linkat);
    NAME("link", 1, db, b, real(da, a, db, b, flags));
}

API int symlink(const char *a, const char *b) {
    NEXT(symlink);
    NAME("symlink", 1, AT_FDCWD, b, real(a, b));
}

API int symlinkat(const char *a, int dir, const char *b) {
    NEXT(symlinkat);
    NAME("symlink", 1, dir, b, real(a, dir, b));
}

/* ---- Attributes ---- */

API int chmod(const char *a, mode_t bits) {
    NEXT(chmod);
    NAME("chmod", 0, AT_FDCWD, a, real(a, bits));
}

API int fchmodat(int dir, const char *a, mode_t bits, int flags) {
    NEXT(fchmodat);
    NAME("chmod", 0, dir, a, real(dir, a, bits, flags));
}

API int utimensat(int dir, const char *a, const struct timespec times[2], int flags) {
    NEXT(utimensat);
    NAME("utimens", 0, dir, a, real(dir, a, times, flags));
}

API int utimes(const char *a, const struct timeval times[2]) {
    NEXT(utimes);
    NAME("utimens", 0, AT_FDCWD, a, real(a, times));
}

API int fchmod(int fd, mode_t bits) {
    NEXT(fchmod);
    char path[PATH_MAX];
    if (!fd_counts(fd, path)) return real(fd, bits);
    FINISH(meet("chmod", 0, path, "", -1, -1), real(fd, bits));
}

API int fchown(int fd, uid_t user, gid_t group) {
    NEXT(fchown);
    char path[PATH_MAX];
    if (!fd_counts(fd, path)) return real(fd, user, group);
    FINISH(meet("chown", 0, path, "", -1, -1), real(fd, user, group));
}

API int futimens(int fd, const struct timespec times[2]) {
    NEXT(futimens);
    char path[PATH_MAX];
    if (!fd_counts(fd, path)) return real(fd, times);
    FINISH(meet("utimens", 0, path, "", -1, -1), real(fd, times));
}

/* ---- Opening ---- */

/* What opening would do: create, cut, or only allow writing, or reading; NULL if it does not count. */
static const char *opens(int dir, const char *name, int flags, char *path) {
    int writes = (flags & O_ACCMODE) != O_RDONLY || (flags & O_TRUNC);
    if (!(writes || (flags & O_CREAT) || reads) || !name_counts(dir, name, !(flags & O_NOFOLLOW), path)) return NULL;
    struct stat st;
    int new = (flags & O_TMPFILE) == O_TMPFILE || ((flags & O_CREAT) && lstat(path, &st) != 0);
    return new ? "create" : flags & O_TRUNC ? "cut" : writes ? "open" : reads ? "look" : NULL;
}

#define OPEN(dir, name, flags, call) \
    do { \
        char path[PATH_MAX]; \
        const char *kind = opens(dir, name, flags, path); \
        if (!kind) return call; \
        FINISH(meet(kind, *kind == 'c' && kind[1] == 'r', path, "", -1, -1), call); \
    } while (0)

#define BITS \
    mode_t bits = 0; \
    if ((flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE) { \
        va_list args; \
        va_start(args, flags); \
        bits = va_arg(args, mode_t); \
        va_end(args); \
    }

API int open(const char *a, int flags, ...) {
    NEXT(open);
    BITS;
    OPEN(AT_FDCWD, a, flags, real(a, flags, bits));
}

API int open64(const char *a, int flags, ...) {
    NEXT(open64);
    BITS;
    OPEN(AT_FDCWD, a, flags, real(a, flags, bits));
}

API int openat(int dir, const char *a, int flags, ...) {
    NEXT(openat);
    BITS;
    OPEN(dir, a, flags, real(dir, a, flags, bits));
}

API int openat64(int dir, const char *a, int flags, ...) {
    NEXT(openat64);
    BITS;
    OPEN(dir, a, flags, real(dir, a, flags, bits));
}

API int creat(const char *a, mode_t bits) {
    NEXT(creat);
    OPEN(AT_FDCWD, a, O_WRONLY | O_CREAT | O_TRUNC, real(a, bits));
}

/* ---- A mapped file that becomes shorter ---- */

static void *shrunk(void *map, int fd) {
    char path[PATH_MAX];
    if (map != MAP_FAILED && shrinking && fd >= 0 && fd_path(fd, path) && strcmp(path, shrinking) == 0 &&
        syscall(SYS_truncate, path, 4096L) != 0)
        die();
    return map;
}

API void *mmap(void *at, size_t len, int prot, int flags, int fd, off_t offset) {
    NEXT(mmap);
    return shrunk(real(at, len, prot, flags, fd, offset), fd);
}

API void *mmap64(void *at, size_t len, int prot, int flags, int fd, off64_t offset) {
    NEXT(mmap64);
    return shrunk(real(at, len, prot, flags, fd, offset), fd);
}
