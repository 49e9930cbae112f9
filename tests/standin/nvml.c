/* A stand-in for the NVIDIA management library, for tests of the real pynvml.
 *
 * What it says is written in the file that NVML_STANDIN names, one "key=value" a line, read again at
 * every call; see driver.py for the keys. It exports what pynvml looks up for our calls and no more.
 */
#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { OK = 0, INVALID_ARGUMENT = 2, NO_PERMISSION = 4, INSUFFICIENT_SIZE = 7, FUNCTION_NOT_FOUND = 13 };
enum { MOST_PROCESSES = 64, MOST_DEVICES = 8, MIG_SLICE = 7, MOST_REMEMBERED = 512 };

typedef unsigned long long bytes_t;
typedef struct { unsigned pid; bytes_t used; unsigned gpu_instance, compute_instance; } process_t;
typedef struct { bytes_t total, free, used; } memory_v1_t;
typedef struct { unsigned version; bytes_t total, reserved, free, used; } memory_v2_t;

/* A device handle points into here. */
static char devices[MOST_DEVICES];

static int text_of(const char *key, char *value, size_t size) {
    const char *path = getenv("NVML_STANDIN");
    FILE *file = path ? fopen(path, "r") : NULL;
    char line[4096];
    int found = 0;
    while (file && fgets(line, sizeof line, file)) {
        char *equals = strchr(line, '=');
        if (!equals) continue;
        *equals = 0;
        if (strcmp(line, key)) continue;
        equals[1 + strcspn(equals + 1, "\n")] = 0;
        snprintf(value, size, "%s", equals + 1);
        found = 1;
    }
    if (file) fclose(file);
    return found;
}

static long long number_of(const char *key, long long otherwise) {
    char value[64];
    return text_of(key, value, sizeof value) ? atoll(value) : otherwise;
}

/* Block until the time is up, or the file no longer says so. */
static void hang(void) {
    struct timespec tick = {0, 20 * 1000 * 1000};
    for (double waited_s = 0; waited_s < (double)number_of("hang", 0); waited_s += 0.02) nanosleep(&tick, NULL);
}

static int answer(const char *own_key) {
    hang();
    long long own = number_of(own_key, 0);
    return (int)(own ? own : number_of("error", 0));
}

static int environment_has(const char *pid, const char *entry, int whole) {
    char path[300], *environment = NULL;
    size_t size = 0;
    int found = 0;
    snprintf(path, sizeof path, "/proc/%s/environ", pid);
    FILE *file = fopen(path, "r");
    while (file && !found && getdelim(&environment, &size, 0, file) > 0)
        found = whole ? !strcmp(environment, entry) : !strncmp(environment, entry, strlen(entry));
    free(environment);
    if (file) fclose(file);
    return found;
}

static bytes_t rollup_bytes(const char *pid, const char *figure) {
    char path[300], format[64], line[256];
    bytes_t kilobytes = 0;
    snprintf(path, sizeof path, "/proc/%s/smaps_rollup", pid);
    snprintf(format, sizeof format, "%s: %%llu kB", figure);
    FILE *file = fopen(path, "r");
    while (file && fgets(line, sizeof line, file)) sscanf(line, format, &kilobytes);
    if (file) fclose(file);
    return kilobytes * 1024;
}

static int is_named(const char *pid, const char *name) {
    char path[300], own[64] = "";
    snprintf(path, sizeof path, "/proc/%s/comm", pid);
    FILE *file = fopen(path, "r");
    if (file && fgets(own, sizeof own, file)) own[strcspn(own, "\n")] = 0;
    if (file) fclose(file);
    return !strcmp(own, name);
}

/* procs=env: every child life of the tested supervisor, its anonymous memory taken for the GPU's.
 *
 * A child that was forked from the template shows the template's environment, without a life in it, and is known
 * by its name; what it shares with the template is on no card. A cold one shares with its own forks alone. */
static int children(process_t *list) {
    char ours[4200], path[4096] = "";
    int count = 0;
    snprintf(path, sizeof path, "%s", getenv("NVML_STANDIN"));
    snprintf(ours, sizeof ours, "NVML_STANDIN=%s", path);
    DIR *proc = opendir("/proc");
    for (struct dirent *entry; proc && (entry = readdir(proc)) && count < MOST_PROCESSES;) {
        if (!isdigit((unsigned char)entry->d_name[0])) continue;
        int is_cold = environment_has(entry->d_name, "TTS_SUPERVISOR_LIFE=", 0);
        if (!is_cold && !is_named(entry->d_name, "tts-child")) continue;
        if (!environment_has(entry->d_name, ours, 1)) continue;
        bytes_t bytes = rollup_bytes(entry->d_name, is_cold ? "Pss_Anon" : "Private_Dirty");
        list[count++] = (process_t){(unsigned)atoi(entry->d_name), bytes, 0, 0};
    }
    if (proc) closedir(proc);
    return count;
}

static double now_s(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* One reading is several calls. A walk over a gigabyte of pages holds up the process that it belongs to, so
 * the calls of one reading share a walk: the lists that are asked for just after the memory. */
static double walked_s;

static int children_lately(process_t *list) {
    static process_t lately[MOST_PROCESSES];
    static int count;
    if (now_s() - walked_s > 0.02) {
        count = children(lately);
        walked_s = now_s();
    }
    memcpy(list, lately, sizeof lately);
    return count;
}

/* procs=PID:BYTES,PID:BYTES or procs=env or nothing. */
static int processes(process_t *list) {
    char value[4096] = "";
    text_of("procs", value, sizeof value);
    if (!strcmp(value, "env")) return children_lately(list);
    int count = 0;
    for (char *rest = value, *one; count < MOST_PROCESSES && (one = strsep(&rest, ","));) {
        unsigned pid;
        bytes_t used;
        if (sscanf(one, "%u:%llu", &pid, &used) == 2) list[count++] = (process_t){pid, used, 0, 0};
    }
    return count;
}

/* lag=SECONDS: what a process held at most stays in `used` for so long after its death, and does not fall before
 * that: one that dies gives its pages back one by one, a card keeps them until the driver lets go of all. */
static bytes_t lingering(process_t *list, int count) {
    static struct { unsigned pid; bytes_t most; double gone_s; } seen[MOST_REMEMBERED];
    static int seen_count;
    double lag_s = (double)number_of("lag", 0), at_s = now_s();
    bytes_t late = 0;
    if (lag_s <= 0) return 0;
    for (int i = 0; i < count; i++) {
        int place = 0;
        while (place < seen_count && seen[place].pid != list[i].pid) place++;
        if (place == MOST_REMEMBERED) continue;
        if (place == seen_count) {
            seen_count++;
            seen[place].pid = list[i].pid;
            seen[place].most = 0;
        }
        if (list[i].used > seen[place].most) seen[place].most = list[i].used;
        list[i].used = seen[place].most;
        seen[place].gone_s = 0;
    }
    for (int place = 0; place < seen_count; place++) {
        int alive = 0;
        for (int i = 0; i < count; i++) alive |= seen[place].pid == list[i].pid;
        if (alive) continue;
        if (seen[place].gone_s == 0) seen[place].gone_s = at_s;
        if (at_s - seen[place].gone_s < lag_s) late += seen[place].most;
    }
    return late;
}

static bytes_t used_bytes(void) {
    process_t list[MOST_PROCESSES];
    walked_s = 0; /* a reading begins: what was seen in the one before is of another moment */
    int count = processes(list);
    bytes_t used = (bytes_t)number_of("used", 0) + (bytes_t)number_of("neighbour", 0) + lingering(list, count);
    while (count-- > 0) used += list[count].used;
    return used;
}

/* A byte for every reading of memory that was answered: whoever waits for the next one can see it come. */
static int counted(int code) {
    char path[4200];
    snprintf(path, sizeof path, "%s.readings", getenv("NVML_STANDIN"));
    FILE *file = fopen(path, "a");
    if (file) {
        fputc('.', file);
        fclose(file);
    }
    return code;
}

static int refused_by_mig(const void *device) { return number_of("mig", 0) && device != &devices[MIG_SLICE]; }

int nvmlInitWithFlags(unsigned flags) { (void)flags; return (int)number_of("init_error", 0); }
int nvmlInit_v2(void) { return nvmlInitWithFlags(0); }
int nvmlShutdown(void) { return OK; }
const char *nvmlErrorString(int code) { (void)code; return "an error of the stand-in"; }

int nvmlSystemGetDriverVersion(char *version, unsigned length) {
    snprintf(version, length, "999.1 (stand-in)");
    return answer("version_error");
}

int nvmlDeviceGetCount_v2(unsigned *count) {
    *count = (unsigned)number_of("devices", 1);
    return answer("count_error");
}

int nvmlDeviceGetHandleByIndex_v2(unsigned index, void **device) {
    if (index >= (unsigned)number_of("devices", 1) || index >= MIG_SLICE) return INVALID_ARGUMENT;
    *device = &devices[index];
    return answer("handle_error");
}

int nvmlDeviceGetHandleByUUID(const char *uuid, void **device) {
    if (strncmp(uuid, "MIG-", 4)) return INVALID_ARGUMENT;
    *device = &devices[MIG_SLICE];
    return answer("handle_error");
}

int nvmlDeviceGetUUID(const char *device, char *uuid, unsigned length) {
    snprintf(uuid, length, "GPU-0000000%d-aaaa-bbbb-cccc-dddddddddddd", (int)(device - devices));
    return answer("uuid_error");
}

int nvmlDeviceGetName(const char *device, char *name, unsigned length) {
    snprintf(name, length, "Stand-in %d", (int)(device - devices));
    return answer("name_error");
}

int nvmlDeviceGetMigMode(const void *device, unsigned *current, unsigned *pending) {
    (void)device;
    *current = *pending = (unsigned)number_of("mig", 0);
    return answer("mig_error");
}

int nvmlDeviceGetMemoryInfo_v2(const void *device, memory_v2_t *memory) {
    if (!number_of("v2", 1)) return FUNCTION_NOT_FOUND;
    if (refused_by_mig(device)) return NO_PERMISSION;
    memory->total = (bytes_t)number_of("total", 8LL << 30);
    memory->reserved = (bytes_t)number_of("reserved", 0);
    memory->used = used_bytes();
    memory->free = memory->total - memory->reserved - memory->used;
    return counted(answer("memory_error"));
}

/* As the real one: the older call counts the driver's reserve as used. */
int nvmlDeviceGetMemoryInfo(const void *device, memory_v1_t *memory) {
    if (refused_by_mig(device)) return NO_PERMISSION;
    memory->total = (bytes_t)number_of("total", 8LL << 30);
    memory->used = used_bytes() + (bytes_t)number_of("reserved", 0);
    memory->free = memory->total - memory->used;
    return counted(answer("memory_error"));
}

static int listed(unsigned *count, process_t *list, int shown) {
    process_t all[MOST_PROCESSES];
    int error = answer("process_error");
    unsigned found = shown && !number_of("hide_procs", 0) ? (unsigned)processes(all) : 0;
    unsigned room = *count;
    *count = found;
    if (error) return error;
    if (found > room) return INSUFFICIENT_SIZE;
    for (unsigned i = 0; i < found; i++) {
        list[i] = all[i];
        if (number_of("no_figures", 0)) list[i].used = ~0ULL;
    }
    return OK;
}

int nvmlDeviceGetComputeRunningProcesses_v3(const void *device, unsigned *count, process_t *list) {
    (void)device;
    return number_of("v3", 1) ? listed(count, list, 1) : FUNCTION_NOT_FOUND;
}
int nvmlDeviceGetComputeRunningProcesses_v2(const void *device, unsigned *count, process_t *list) {
    (void)device;
    return listed(count, list, 1);
}
int nvmlDeviceGetGraphicsRunningProcesses_v3(const void *device, unsigned *count, process_t *list) {
    (void)device;
    return number_of("v3", 1) ? listed(count, list, (int)number_of("graphics", 0)) : FUNCTION_NOT_FOUND;
}
int nvmlDeviceGetGraphicsRunningProcesses_v2(const void *device, unsigned *count, process_t *list) {
    (void)device;
    return listed(count, list, (int)number_of("graphics", 0));
}
