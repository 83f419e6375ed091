/* SPDX-License-Identifier: Apache-2.0
 *
 * sealed_passphrase (sealed.h). A signal that ends or stops the process while it asks must find the terminal
 * with its echo: it is held until that is back, and then does what it would have done.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include "one_line.h"
#include "sealed.h"

static bool say(struct sealed_error *error, const char *where, const char *what)
{
    snprintf(error->text, sizeof error->text, "%.300s: %s", where, what);
    one_line_make(error->text);
    return false;
}

/* One character; false: there is none, or a signal waits. */
static bool typed(int fd, int signals, char *c)
{
    struct pollfd wait[2] = {{.fd = fd, .events = POLLIN}, {.fd = signals, .events = POLLIN}};
    return poll(wait, 2, -1) > 0 && wait[1].revents == 0 && read(fd, c, 1) == 1;
}

static bool ask(int fd, int signals, const char *prompt, char to[SEALED_PASSPHRASE_MAX + 1])
{
    size_t n = 0;
    char c = '\0';
    bool good = write(fd, prompt, strlen(prompt)) > 0, ended = false;
    while (good && typed(fd, signals, &c)) {
        ended = c == '\n' || c == '\r';
        if (ended)
            break;
        good = n < SEALED_PASSPHRASE_MAX;
        if (good)
            to[n++] = c;
    }
    to[n] = '\0';
    return write(fd, "\n", 1) == 1 && ended && n > 0;
}

static bool ask_silently(int fd, int signals, bool new, char to[SEALED_PASSPHRASE_MAX + 1],
                         struct sealed_error *error)
{
    char again[SEALED_PASSPHRASE_MAX + 1] = "";
    struct termios before, silent;
    if (tcgetattr(fd, &before) != 0)
        return say(error, "passphrase", strerror(errno));
    silent = before;
    silent.c_lflag &= ~(tcflag_t)ECHO;
    tcsetattr(fd, TCSAFLUSH, &silent);
    bool good = ask(fd, signals, new ? "New passphrase: " : "Passphrase: ", to) ||
                say(error, "passphrase", "none given");
    if (good && new)
        good = (ask(fd, signals, "Once more: ", again) && strcmp(again, to) == 0) ||
               say(error, "passphrase", "not the same both times");
    tcsetattr(fd, TCSAFLUSH, &before);
    crypto_wipe(again, sizeof again);
    return good;
}

static bool at_terminal(bool new, char to[SEALED_PASSPHRASE_MAX + 1], struct sealed_error *error)
{
    static const int held[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP};
    sigset_t ours, before;
    int fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return say(error, "passphrase", "no terminal to ask for it at: give --passphrase-file FILE");
    sigemptyset(&ours);
    for (size_t i = 0; i < sizeof held / sizeof held[0]; i++)
        sigaddset(&ours, held[i]);
    sigprocmask(SIG_BLOCK, &ours, &before);
    int signals = signalfd(-1, &ours, SFD_CLOEXEC);
    bool good =
        signals >= 0 ? ask_silently(fd, signals, new, to, error) : say(error, "passphrase", strerror(errno));
    if (signals >= 0)
        close(signals);
    close(fd);
    sigprocmask(SIG_SETMASK, &before, NULL); /* what came meanwhile strikes now */
    return good;
}

static bool from_file(const char *file, char to[SEALED_PASSPHRASE_MAX + 1], struct sealed_error *error)
{
    int fd = strcmp(file, "-") == 0 ? STDIN_FILENO : open(file, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return say(error, file, strerror(errno));
    size_t n = 0;
    char c = '\0';
    bool good = true;
    while (good && read(fd, &c, 1) == 1 && c != '\n') {
        good = n < SEALED_PASSPHRASE_MAX || say(error, file, "the passphrase is too long");
        if (good)
            to[n++] = c;
    }
    to[n] = '\0';
    if (fd != STDIN_FILENO)
        close(fd);
    return good && (n > 0 || say(error, file, "no passphrase in its first line"));
}

bool sealed_passphrase(const char *file, bool new, char to[SEALED_PASSPHRASE_MAX + 1],
                       struct sealed_error *error)
{
    bool good = file != NULL ? from_file(file, to, error) : at_terminal(new, to, error);
    if (!good)
        crypto_wipe(to, SEALED_PASSPHRASE_MAX + 1);
    return good;
}
