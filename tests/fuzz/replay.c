/* replay FOLDER - play every input of a corpus, with any compiler.
 *
 * It fails when a target dies, and when there was nothing to play. */
#include "fuzz.h"

#include <dirent.h>

static size_t play(const char *path)
{
    FILE *file = fopen(path, "rb");
    uint8_t *data;
    long len;

    promise(file != NULL && fseek(file, 0, SEEK_END) == 0);
    len = ftell(file);
    promise(len >= 0 && fseek(file, 0, SEEK_SET) == 0);
    data = block_new((size_t)len);
    promise(fread(data, 1, (size_t)len, file) == (size_t)len);
    fclose(file);
    promise(LLVMFuzzerTestOneInput(data, (size_t)len) == 0);
    free(data);
    return 1;
}

static size_t play_all(const char *folder)
{
    DIR *dir = opendir(folder);
    const struct dirent *entry;
    char path[4096];
    size_t count = 0;

    promise(dir != NULL);
    while ((entry = readdir(dir)) != NULL) {
        if (entry->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        printf("%s\n", entry->d_name);
        fflush(stdout); /* the last name is that of the culprit */
        count += play(path);
    }
    closedir(dir);
    return count;
}

int main(int argc, char **argv)
{
    size_t count = argc == 2 ? play_all(argv[1]) : 0;

    printf("%zu inputs\n", count);
    return count == 0;
}
