/* verb.h - what the program can do: one function a verb. */
#ifndef LARES_CLI_VERB_H
#define LARES_CLI_VERB_H

/* Each gets the words behind its name and returns an exit code. */
int verb_run(int count, const char *const words[]);
int verb_ps(int count, const char *const words[]);
int verb_send(int count, const char *const words[]);
int verb_snapshot(int count, const char *const words[]);
int verb_restore(int count, const char *const words[]);
int verb_stop(int count, const char *const words[]);
int verb_restart(int count, const char *const words[]);
int verb_dead(int count, const char *const words[]);
int verb_recover(int count, const char *const words[]);
int verb_image(int count, const char *const words[]);
int verb_keygen(int count, const char *const words[]);

#endif
