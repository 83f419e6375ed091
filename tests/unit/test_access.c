/* SPDX-License-Identifier: Apache-2.0
 *
 * Who may read and who may change each file of the profile `usim`, tried with READ and UPDATE.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "card_fixture.h"
#include "inspect.h"
#include "kernel.h"

/* Who may do what (3GPP TS 31.102, TS 31.103, TS 51.011, each file's table): readable without a PIN, and the
 * user's to change, are these and no others. EFs by directory, without "EF.". */
struct named_files {
    const char *directory, *names;
};

static const struct named_files free_to_read[] = {
    {"MF/ADF.ISIM", "AD ARR"},
    {"MF/ADF.USIM/DF.5GS", "OPL5G"},
    {"MF/ADF.USIM/DF.SNPN", "PWS_SNPN"},
    {"MF/ADF.USIM", "AD ARR EARFCNList ECC LI OPL PNN PNNI PWS SPN SPNI UFC"},
    {"MF/DF.GSM", "AD ECC LP OPL PNN Phase SPN"},
    {"MF", "ARR DIR ICCID PL UMPC"},
};

static const struct named_files users[] = {
    {"MF/ADF.ISIM", "GBABP SMS SMSP SMSR SMSS"},
    {"MF/ADF.USIM/DF.5GS", "5GAUTHKEYS 5GS3GPPLOCI 5GS3GPPNSC 5GSN3GPPLOCI 5GSN3GPPNSC"},
    {"MF/ADF.USIM/DF.GSM-ACCESS", "CPBCCH Kc KcGPRS"},
    {"MF/ADF.USIM/DF.HNB", "ACSGL CSGT HNBN"},
    {"MF/ADF.USIM/DF.PHONEBOOK", "ADN CC EXT1 GAS GRP PBC PSC PUID UID"},
    {"MF/ADF.USIM/DF.ProSe", "PROSE_GC"},
    {"MF/ADF.USIM/DF.WLAN", "Pseudo UPLMNWLAN UWSIDL WLRPLMN WRI"},
    {"MF/ADF.USIM", "AAeM CBMI CBMIR CCP2 CFIS DCK EPSLOCI EPSNSC EXT5 EXT6 EXT7 EXT8 FPLMN "
                    "GBABP ICI Keys KeysPS LI "
                    "LOCI MBDN MBI MMSN MMSUCP MMSUP MSISDN MWIS NETPAR OCI PLMNwAcT PSLOCI SMS SMSP SMSR "
                    "SMSS START-HFN VBSS VGCSS"},
    {"MF/DF.GSM", "AAeM BCCH CBMI CBMIR CFIS CPBCCH DCK EXT6 EXT7 EXT8 FPLMN Kc KcGPRS LOCI LOCIGPRS LP MBDN "
                  "MBI MMSN MMSUCP "
                  "MMSUP MWIS PLMNsel PLMNwAcT VBSS VGCSS"},
    {"MF/DF.TELECOM/DF.MULTIMEDIA", "MMDF MML"},
    {"MF/DF.TELECOM/DF.PHONEBOOK", "AAS ADN ANR CC EMAIL EXT1 GAS GRP PBC PSC PUID SNE UID"},
    {"MF/DF.TELECOM", "ADN EXT1 LND MSISDN SMS SMSP SMSR SMSS"},
    {"MF", "PL"},
};

static bool is_named(const struct named_files *list, size_t n, const char *path)
{
    const char *name = strrchr(path, '/');
    size_t directory = (size_t)(name - path);
    char word[64], all[1200];
    snprintf(word, sizeof word, " %s ", name + strlen("/EF."));
    for (size_t i = 0; i < n; i++) {
        snprintf(all, sizeof all, " %s ", list[i].names);
        if (strlen(list[i].directory) == directory && memcmp(list[i].directory, path, directory) == 0 &&
            strstr(all, word) != NULL)
            return true;
    }
    return false;
}

/* By its application's AID and the path from there, or from the MF. */
static void select_file(struct fixture *f, uint16_t file)
{
    const struct profile *p = &f->profile->p;
    uint8_t path[16] = {0x00, 0xA4, 0x08, 0x0C};
    uint16_t way[5];
    unsigned depth = 0;
    for (; file != 0; file = p->files[file].parent)
        way[depth++] = file;
    struct buf command = {.p = path, .cap = sizeof path, .len = 5};
    while (depth-- > 0) {
        const struct profile_file *step = &p->files[way[depth]];
        if (step->kind == FILE_ADF) {
            uint8_t select[5 + 16] = {0x00, 0xA4, 0x04, 0x0C, p->applets[step->applet].aid_len};
            memcpy(select + 5, p->applets[step->applet].aid, select[4]);
            assert_int_equal(fixture_transmit(f, span_of(select, 5u + select[4]), false), 0x9000);
        }
        buf_u16(&command, step->kind == FILE_ADF ? 0x7FFF : step->fid);
    }
    path[4] = (uint8_t)(command.len - 5);
    assert_int_equal(fixture_transmit(f, buf_span(&command), false), 0x9000);
}

/* READ and, with what was read, UPDATE of the first record or octets: allowed? */
static bool may(struct fixture *f, uint16_t file, bool update)
{
    const struct profile_file *e = &f->profile->p.files[file];
    const bool records = e->record_len != 0;
    uint8_t command[5 + 255] = {0};
    select_file(f, file);
    uint16_t sw;
    if (e->kind == FILE_BERTLV) {
        const uint8_t get[] = {0x80, 0xCB, 0x00, 0x80, 0x01, 0x5C},
                      set[] = {0x80, 0xDB, 0x00, 0x80, 0x04, 0x80, 0x02, 0x41, 0x42};
        sw = fixture_transmit(f, update ? span_of(set, sizeof set) : span_of(get, sizeof get), true);
        return sw != 0x6982;
    }
    command[1] = update ? (records ? 0xDC : 0xD6) : (records ? 0xB2 : 0xB0);
    command[2] = records && !(update && e->kind == FILE_CYCLIC);
    command[3] = (uint8_t)(!records ? 0 : update && e->kind == FILE_CYCLIC ? 3 : 4);
    command[4] = (uint8_t)(records ? e->record_len : e->size < 200 ? e->size : 200);
    if (update) {
        struct span now = admin_file_read(f->card, file);
        memcpy(command + 5, now.p, command[4]);
    }
    sw = fixture_transmit(f, span_of(command, 5u + (update ? command[4] : 0u)), true);
    if (sw != 0x6982 && (sw & 0xF000) != 0x9000)
        fail_msg("%s: %04X", e->name, sw);
    return sw != 0x6982;
}

static void test_access(void **state)
{
    (void)state;
    struct fixture f;
    unsigned wrong = 0;
    fixture_open_text(&f, "format: 1\nname: locked\ninclude: usim\npins:\n  - {name: pin1, enabled: yes}\n");
    for (int verified = 0; verified < 2; verified++) {
        if (verified != 0)
            exchange(&f, "002000010831323334FFFFFFFF", "9000");
        for (uint16_t i = 0; i < f.profile->p.n_files; i++) {
            char path[UICC_PATH_MAX];
            if (profile_is_df(f.profile->p.files[i].kind))
                continue;
            uicc_inspect_path(f.card, i, path);
            bool granted = may(&f, i, verified != 0);
            if (granted != (verified != 0 ? is_named(users, sizeof users / sizeof users[0], path)
                                          : is_named(free_to_read,
                                                     sizeof free_to_read / sizeof free_to_read[0], path))) {
                print_error("%s: %s %s\n", path, verified != 0 ? "updated with PIN1:" : "read without a PIN:",
                            granted ? "yes" : "no");
                wrong++;
            }
        }
    }
    assert_int_equal(wrong, 0);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_access)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
