/* SPDX-License-Identifier: Apache-2.0
 *
 * The applet of test_api.c: it calls every function of uicc_applet.h, by areas, and writes down what events
 * it saw. A package as a shared object has one, linked into the test.
 */
#ifndef TESTS_API_APPLET_H
#define TESTS_API_APPLET_H

#include "uicc_applet.h"

extern const struct uicc_package test_package;

/* Its items: what it saw, what it is to do, what an area left. */
enum { LOG = 1, ORDERS = 2, KEPT = 3 };

/* What it does when an event comes, besides writing it down; set by command 80 0E. */
enum { DO_NOTHING, DO_POST, DO_FAIL, DO_SEND, DO_HANDLE };

/* What 80 90 calls: P1. Each says 9000, or what went wrong. */
enum {
    FILES,
    ADMIN,
    FRAMEWORK,
    PINS,
    CHECK_PINS,
    BLOCKED_PINS,
    CRYPTO,
    REGISTRY,
    PROACTIVE,
    FIREWALL,
    SHARE,
    SET_ORDER,
    SET_EVENT,
    KEEP,
    DOMAINS,
    BER_TLV,
    MAKE_FILE,
    CONTEXTS
};

#endif
