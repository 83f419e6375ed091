/* SPDX-License-Identifier: Apache-2.0
 *
 * Signing and enveloping taken out of a message between parties, so that a fuzzer gets at what is in it: the
 * program is linked with --wrap of cms_pack and cms_unpack (tests/meson.build), and while plain_cms is true a
 * message is an octet (1: signed) and the content. Whose keys are right is still looked at where the content
 * says it.
 */
#ifndef FUZZ_PLAIN_CMS_H
#define FUZZ_PLAIN_CMS_H

#include "cms.h"

extern bool plain_cms;

#endif
