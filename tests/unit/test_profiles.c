/* SPDX-License-Identifier: Apache-2.0
 *
 * The built-in profiles: the files that clients know, with the numbers and sizes that they expect; service
 * tables that announce what works and nothing else; EF.DIR that tells the truth; and a card of each on which
 * every file is reached.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "builtin.h"
#include "card_fixture.h"
#include "tlv.h"
#include <stdio.h>
#include <stdlib.h>

static const char *const profiles[] = {"usim", "test", "m2m", "sja5", "gsm", "paired"};

enum { PROFILES = sizeof profiles / sizeof profiles[0], SERVICES_MAX = 200 };

/* ---- files that clients know: TS 31.102, TS 31.103, TS 51.011 ---- */

/* When a file is there: its one service is announced, any of its services is, or all of them are. */
enum mode { ONE, ANY, ALL };

struct known {
    const char *path;
    uint8_t kind;
    uint16_t fid;
    uint8_t sfi;
    unsigned min; /* octets of the file, or of a record */
    enum mode mode;
    uint8_t services[12]; /* of EF.UST or EF.IST */
};

/* clang-format off */
static const struct known known[] = {
    {"MF/EF.DIR", FILE_LINEAR, 0x2F00, 0x1E, 5, ONE, {0}},
    {"MF/EF.ICCID", FILE_TRANSPARENT, 0x2FE2, 0x02, 10, ONE, {0}},
    {"MF/EF.PL", FILE_TRANSPARENT, 0x2F05, 0x05, 2, ONE, {0}},
    {"MF/EF.ARR", FILE_LINEAR, 0x2F06, 0x06, 1, ONE, {0}},
    {"MF/EF.UMPC", FILE_TRANSPARENT, 0x2F08, 0x08, 5, ONE, {0}},
    {"MF/ADF.USIM", FILE_ADF, 0, 0x00, 0, ONE, {0}},
    {"MF/ADF.USIM/EF.LI", FILE_TRANSPARENT, 0x6F05, 0x02, 2, ONE, {0}},
    {"MF/ADF.USIM/EF.Keys", FILE_TRANSPARENT, 0x6F08, 0x08, 33, ONE, {0}},
    {"MF/ADF.USIM/EF.KeysPS", FILE_TRANSPARENT, 0x6F09, 0x09, 33, ONE, {0}},
    {"MF/ADF.USIM/EF.PLMNwAcT", FILE_TRANSPARENT, 0x6F60, 0x0A, 5, ONE, {20}},
    {"MF/ADF.USIM/EF.HPPLMN", FILE_TRANSPARENT, 0x6F31, 0x12, 1, ONE, {0}},
    {"MF/ADF.USIM/EF.ACMmax", FILE_TRANSPARENT, 0x6F37, 0x00, 3, ONE, {13}},
    {"MF/ADF.USIM/EF.UST", FILE_TRANSPARENT, 0x6F38, 0x04, 1, ONE, {0}},
    {"MF/ADF.USIM/EF.ACM", FILE_CYCLIC, 0x6F39, 0x1C, 3, ONE, {13}},
    {"MF/ADF.USIM/EF.GID1", FILE_TRANSPARENT, 0x6F3E, 0x00, 1, ONE, {17}},
    {"MF/ADF.USIM/EF.GID2", FILE_TRANSPARENT, 0x6F3F, 0x00, 1, ONE, {18}},
    {"MF/ADF.USIM/EF.SPN", FILE_TRANSPARENT, 0x6F46, 0x00, 17, ONE, {19}},
    {"MF/ADF.USIM/EF.PUCT", FILE_TRANSPARENT, 0x6F41, 0x00, 5, ONE, {13}},
    {"MF/ADF.USIM/EF.CBMI", FILE_TRANSPARENT, 0x6F45, 0x00, 2, ONE, {15}},
    {"MF/ADF.USIM/EF.ACC", FILE_TRANSPARENT, 0x6F78, 0x06, 2, ONE, {0}},
    {"MF/ADF.USIM/EF.FPLMN", FILE_TRANSPARENT, 0x6F7B, 0x0D, 3, ONE, {0}},
    {"MF/ADF.USIM/EF.LOCI", FILE_TRANSPARENT, 0x6F7E, 0x0B, 11, ONE, {0}},
    {"MF/ADF.USIM/EF.AD", FILE_TRANSPARENT, 0x6FAD, 0x03, 4, ONE, {0}},
    {"MF/ADF.USIM/EF.CBMID", FILE_TRANSPARENT, 0x6F48, 0x0E, 2, ONE, {29}},
    {"MF/ADF.USIM/EF.ECC", FILE_LINEAR, 0x6FB7, 0x01, 4, ONE, {0}},
    {"MF/ADF.USIM/EF.CBMIR", FILE_TRANSPARENT, 0x6F50, 0x00, 4, ONE, {16}},
    {"MF/ADF.USIM/EF.PSLOCI", FILE_TRANSPARENT, 0x6F73, 0x0C, 14, ONE, {0}},
    {"MF/ADF.USIM/EF.FDN", FILE_LINEAR, 0x6F3B, 0x00, 14, ANY, {2, 89}},
    {"MF/ADF.USIM/EF.SMS", FILE_LINEAR, 0x6F3C, 0x00, 176, ONE, {10}},
    {"MF/ADF.USIM/EF.MSISDN", FILE_LINEAR, 0x6F40, 0x00, 15, ONE, {21}},
    {"MF/ADF.USIM/EF.SMSP", FILE_LINEAR, 0x6F42, 0x00, 28, ONE, {12}},
    {"MF/ADF.USIM/EF.SMSS", FILE_TRANSPARENT, 0x6F43, 0x00, 2, ONE, {10}},
    {"MF/ADF.USIM/EF.SDN", FILE_LINEAR, 0x6F49, 0x00, 14, ANY, {4, 89}},
    {"MF/ADF.USIM/EF.EXT2", FILE_LINEAR, 0x6F4B, 0x00, 13, ONE, {3}},
    {"MF/ADF.USIM/EF.EXT3", FILE_LINEAR, 0x6F4C, 0x00, 13, ONE, {5}},
    {"MF/ADF.USIM/EF.SMSR", FILE_LINEAR, 0x6F47, 0x00, 30, ONE, {11}},
    {"MF/ADF.USIM/EF.ICI", FILE_CYCLIC, 0x6F80, 0x14, 28, ONE, {9}},
    {"MF/ADF.USIM/EF.OCI", FILE_CYCLIC, 0x6F81, 0x15, 27, ONE, {8}},
    {"MF/ADF.USIM/EF.ICT", FILE_CYCLIC, 0x6F82, 0x00, 3, ONE, {9}},
    {"MF/ADF.USIM/EF.OCT", FILE_CYCLIC, 0x6F83, 0x00, 3, ONE, {8}},
    {"MF/ADF.USIM/EF.EXT5", FILE_LINEAR, 0x6F4E, 0x00, 13, ONE, {44}},
    {"MF/ADF.USIM/EF.CCP2", FILE_LINEAR, 0x6F4F, 0x16, 15, ONE, {14}},
    {"MF/ADF.USIM/EF.eMLPP", FILE_TRANSPARENT, 0x6FB5, 0x00, 2, ONE, {24}},
    {"MF/ADF.USIM/EF.AAeM", FILE_TRANSPARENT, 0x6FB6, 0x00, 1, ONE, {25}},
    {"MF/ADF.USIM/EF.BDN", FILE_LINEAR, 0x6F4D, 0x00, 15, ONE, {6}},
    {"MF/ADF.USIM/EF.EXT4", FILE_LINEAR, 0x6F55, 0x00, 13, ONE, {7}},
    {"MF/ADF.USIM/EF.CMI", FILE_LINEAR, 0x6F58, 0x00, 2, ONE, {6}},
    {"MF/ADF.USIM/EF.EST", FILE_TRANSPARENT, 0x6F56, 0x05, 1, ANY, {2, 6, 34, 35}},
    {"MF/ADF.USIM/EF.ACL", FILE_TRANSPARENT, 0x6F57, 0x00, 32, ONE, {35}},
    {"MF/ADF.USIM/EF.DCK", FILE_TRANSPARENT, 0x6F2C, 0x00, 16, ONE, {36}},
    {"MF/ADF.USIM/EF.CNL", FILE_TRANSPARENT, 0x6F32, 0x00, 6, ONE, {37}},
    {"MF/ADF.USIM/EF.START-HFN", FILE_TRANSPARENT, 0x6F5B, 0x0F, 6, ONE, {0}},
    {"MF/ADF.USIM/EF.THRESHOLD", FILE_TRANSPARENT, 0x6F5C, 0x10, 3, ONE, {0}},
    {"MF/ADF.USIM/EF.OPLMNwAcT", FILE_TRANSPARENT, 0x6F61, 0x11, 5, ONE, {42}},
    {"MF/ADF.USIM/EF.HPLMNwAcT", FILE_TRANSPARENT, 0x6F62, 0x13, 5, ONE, {43}},
    {"MF/ADF.USIM/EF.ARR", FILE_LINEAR, 0x6F06, 0x17, 1, ONE, {0}},
    {"MF/ADF.USIM/EF.RPLMNAcTD", FILE_TRANSPARENT, 0x6F65, 0x00, 2, ONE, {0}},
    {"MF/ADF.USIM/EF.NETPAR", FILE_TRANSPARENT, 0x6FC4, 0x00, 1, ONE, {0}},
    {"MF/ADF.USIM/EF.PNN", FILE_LINEAR, 0x6FC5, 0x19, 1, ONE, {45}},
    {"MF/ADF.USIM/EF.OPL", FILE_LINEAR, 0x6FC6, 0x1A, 8, ONE, {46}},
    {"MF/ADF.USIM/EF.MBDN", FILE_LINEAR, 0x6FC7, 0x00, 14, ONE, {47}},
    {"MF/ADF.USIM/EF.EXT6", FILE_LINEAR, 0x6FC8, 0x00, 13, ONE, {0}},
    {"MF/ADF.USIM/EF.MBI", FILE_LINEAR, 0x6FC9, 0x00, 4, ONE, {47}},
    {"MF/ADF.USIM/EF.MWIS", FILE_LINEAR, 0x6FCA, 0x00, 5, ONE, {48}},
    {"MF/ADF.USIM/EF.CFIS", FILE_LINEAR, 0x6FCB, 0x00, 16, ONE, {49}},
    {"MF/ADF.USIM/EF.EXT7", FILE_LINEAR, 0x6FCC, 0x00, 13, ONE, {0}},
    {"MF/ADF.USIM/EF.SPDI", FILE_TRANSPARENT, 0x6FCD, 0x1B, 1, ONE, {51}},
    {"MF/ADF.USIM/EF.MMSN", FILE_LINEAR, 0x6FCE, 0x00, 4, ONE, {52}},
    {"MF/ADF.USIM/EF.EXT8", FILE_LINEAR, 0x6FCF, 0x00, 13, ONE, {53}},
    {"MF/ADF.USIM/EF.MMSICP", FILE_TRANSPARENT, 0x6FD0, 0x00, 1, ONE, {52}},
    {"MF/ADF.USIM/EF.MMSUP", FILE_LINEAR, 0x6FD1, 0x00, 1, ONE, {52}},
    {"MF/ADF.USIM/EF.MMSUCP", FILE_TRANSPARENT, 0x6FD2, 0x00, 1, ALL, {52, 55}},
    {"MF/ADF.USIM/EF.NIA", FILE_LINEAR, 0x6FD3, 0x00, 1, ONE, {56}},
    {"MF/ADF.USIM/EF.VGCS", FILE_TRANSPARENT, 0x6FB1, 0x00, 4, ONE, {57}},
    {"MF/ADF.USIM/EF.VGCSS", FILE_TRANSPARENT, 0x6FB2, 0x00, 7, ONE, {57}},
    {"MF/ADF.USIM/EF.VBS", FILE_TRANSPARENT, 0x6FB3, 0x00, 4, ONE, {58}},
    {"MF/ADF.USIM/EF.VBSS", FILE_TRANSPARENT, 0x6FB4, 0x00, 7, ONE, {58}},
    {"MF/ADF.USIM/EF.VGCSCA", FILE_TRANSPARENT, 0x6FD4, 0x00, 2, ONE, {64}},
    {"MF/ADF.USIM/EF.VBSCA", FILE_TRANSPARENT, 0x6FD5, 0x00, 2, ONE, {65}},
    {"MF/ADF.USIM/EF.GBABP", FILE_TRANSPARENT, 0x6FD6, 0x00, 3, ONE, {68}},
    {"MF/ADF.USIM/EF.MSK", FILE_LINEAR, 0x6FD7, 0x00, 20, ONE, {69}},
    {"MF/ADF.USIM/EF.MUK", FILE_LINEAR, 0x6FD8, 0x00, 0, ONE, {69}},
    {"MF/ADF.USIM/EF.GBANL", FILE_LINEAR, 0x6FDA, 0x00, 0, ONE, {68}},
    {"MF/ADF.USIM/EF.EHPLMN", FILE_TRANSPARENT, 0x6FD9, 0x1D, 3, ONE, {71}},
    {"MF/ADF.USIM/EF.EHPLMNPI", FILE_TRANSPARENT, 0x6FDB, 0x00, 1, ALL, {71, 73}},
    {"MF/ADF.USIM/EF.NAFKCA", FILE_LINEAR, 0x6FDD, 0x00, 0, ALL, {68, 76}},
    {"MF/ADF.USIM/EF.SPNI", FILE_TRANSPARENT, 0x6FDE, 0x00, 1, ONE, {78}},
    {"MF/ADF.USIM/EF.PNNI", FILE_LINEAR, 0x6FDF, 0x00, 1, ONE, {79}},
    {"MF/ADF.USIM/EF.NCP-IP", FILE_LINEAR, 0x6FE2, 0x00, 0, ONE, {80}},
    {"MF/ADF.USIM/EF.EPSLOCI", FILE_TRANSPARENT, 0x6FE3, 0x1E, 18, ONE, {85}},
    {"MF/ADF.USIM/EF.EPSNSC", FILE_LINEAR, 0x6FE4, 0x18, 54, ONE, {85}},
    {"MF/ADF.USIM/EF.UFC", FILE_TRANSPARENT, 0x6FE6, 0x00, 1, ONE, {0}},
    {"MF/ADF.USIM/EF.NASCONFIG", FILE_TRANSPARENT, 0x6FE8, 0x00, 1, ONE, {96}},
    {"MF/ADF.USIM/EF.PWS", FILE_TRANSPARENT, 0x6FEC, 0x00, 1, ONE, {97}},
    {"MF/ADF.USIM/EF.FDNURI", FILE_LINEAR, 0x6FED, 0x00, 1, ALL, {2, 99}},
    {"MF/ADF.USIM/EF.BDNURI", FILE_LINEAR, 0x6FEE, 0x00, 1, ALL, {6, 99}},
    {"MF/ADF.USIM/EF.SDNURI", FILE_LINEAR, 0x6FEF, 0x00, 1, ALL, {4, 99}},
    {"MF/ADF.USIM/EF.IPS", FILE_CYCLIC, 0x6FF1, 0x00, 4, ONE, {0}},
    {"MF/ADF.USIM/EF.ePDGId", FILE_TRANSPARENT, 0x6FF3, 0x00, 1, ALL, {106, 107}},
    {"MF/ADF.USIM/EF.ePDGSelection", FILE_TRANSPARENT, 0x6FF4, 0x00, 1, ALL, {106, 107}},
    {"MF/ADF.USIM/EF.ePDGIdEm", FILE_TRANSPARENT, 0x6FF5, 0x00, 1, ALL, {110, 111}},
    {"MF/ADF.USIM/EF.ePDGSelectionEm", FILE_TRANSPARENT, 0x6FF6, 0x00, 1, ALL, {110, 111}},
    {"MF/ADF.USIM/EF.FromPreferred", FILE_TRANSPARENT, 0x6FF7, 0x00, 1, ONE, {114}},
    {"MF/ADF.USIM/EF.IMSConfigData", FILE_BERTLV, 0x6FF8, 0x00, 1, ONE, {115}},
    {"MF/ADF.USIM/EF.XCAPConfigData", FILE_BERTLV, 0x6FFC, 0x00, 1, ONE, {120}},
    {"MF/ADF.USIM/EF.EARFCNList", FILE_TRANSPARENT, 0x6FFD, 0x00, 30, ONE, {121}},
    {"MF/ADF.USIM/EF.MuDMiDConfigData", FILE_BERTLV, 0x6FFE, 0x00, 1, ONE, {134}},
    {"MF/ADF.USIM/EF.eAKA", FILE_TRANSPARENT, 0x6F01, 0x00, 1, ONE, {0}},
    {"MF/ADF.USIM/EF.OCST", FILE_TRANSPARENT, 0x6F02, 0x00, 2, ONE, {148}},
    {"MF/ADF.USIM/EF.GBAUAPI", FILE_LINEAR, 0x6F0A, 0x00, 1, ONE, {68}},
    {"MF/ADF.USIM/EF.IMSDCI", FILE_TRANSPARENT, 0x6F0B, 0x00, 1, ONE, {150}},
    {"MF/ADF.USIM/DF.PHONEBOOK", FILE_DF, 0x5F3A, 0x00, 0, ONE, {0}},
    {"MF/ADF.USIM/DF.PHONEBOOK/EF.PBR", FILE_LINEAR, 0x4F30, 0x00, 1, ONE, {0}},
    {"MF/ADF.USIM/DF.PHONEBOOK/EF.PSC", FILE_TRANSPARENT, 0x4F22, 0x00, 1, ONE, {0}},
    {"MF/ADF.USIM/DF.PHONEBOOK/EF.CC", FILE_TRANSPARENT, 0x4F23, 0x00, 1, ONE, {0}},
    {"MF/ADF.USIM/DF.PHONEBOOK/EF.PUID", FILE_TRANSPARENT, 0x4F24, 0x00, 1, ONE, {0}},
    {"MF/ADF.USIM/DF.GSM-ACCESS", FILE_DF, 0x5F3B, 0x00, 0, ONE, {27}},
    {"MF/ADF.USIM/DF.GSM-ACCESS/EF.Kc", FILE_TRANSPARENT, 0x4F20, 0x01, 9, ONE, {27}},
    {"MF/ADF.USIM/DF.GSM-ACCESS/EF.KcGPRS", FILE_TRANSPARENT, 0x4F52, 0x02, 9, ONE, {27}},
    {"MF/ADF.USIM/DF.GSM-ACCESS/EF.CPBCCH", FILE_TRANSPARENT, 0x4F63, 0x00, 2, ONE, {39}},
    {"MF/ADF.USIM/DF.GSM-ACCESS/EF.InvScan", FILE_TRANSPARENT, 0x4F64, 0x00, 1, ONE, {40}},
    {"MF/ADF.USIM/DF.WLAN", FILE_DF, 0x5F40, 0x00, 0, ANY, {59, 60, 61, 62, 63, 66, 81, 82, 83, 84, 88}},
    {"MF/ADF.USIM/DF.WLAN/EF.Pseudo", FILE_TRANSPARENT, 0x4F41, 0x01, 1, ONE, {59}},
    {"MF/ADF.USIM/DF.WLAN/EF.UPLMNWLAN", FILE_TRANSPARENT, 0x4F42, 0x02, 1, ONE, {60}},
    {"MF/ADF.USIM/DF.WLAN/EF.OPLMNWLAN", FILE_TRANSPARENT, 0x4F43, 0x03, 1, ONE, {61}},
    {"MF/ADF.USIM/DF.WLAN/EF.UWSIDL", FILE_LINEAR, 0x4F44, 0x04, 1, ONE, {62}},
    {"MF/ADF.USIM/DF.WLAN/EF.OWSIDL", FILE_LINEAR, 0x4F45, 0x05, 1, ONE, {63}},
    {"MF/ADF.USIM/DF.WLAN/EF.WRI", FILE_TRANSPARENT, 0x4F46, 0x06, 1, ONE, {66}},
    {"MF/ADF.USIM/DF.WLAN/EF.HWSIDL", FILE_LINEAR, 0x4F47, 0x07, 1, ONE, {81}},
    {"MF/ADF.USIM/DF.WLAN/EF.WEHPLMNPI", FILE_TRANSPARENT, 0x4F48, 0x08, 1, ONE, {82}},
    {"MF/ADF.USIM/DF.WLAN/EF.WHPI", FILE_TRANSPARENT, 0x4F49, 0x09, 1, ONE, {83}},
    {"MF/ADF.USIM/DF.WLAN/EF.WLRPLMN", FILE_TRANSPARENT, 0x4F4A, 0x0A, 1, ONE, {84}},
    {"MF/ADF.USIM/DF.WLAN/EF.HPLMNDAI", FILE_TRANSPARENT, 0x4F4B, 0x0B, 1, ONE, {88}},
    {"MF/ADF.USIM/DF.HNB", FILE_DF, 0x5F50, 0x00, 0, ANY, {86, 90}},
    {"MF/ADF.USIM/DF.HNB/EF.ACSGL", FILE_LINEAR, 0x4F81, 0x01, 1, ONE, {86}},
    {"MF/ADF.USIM/DF.HNB/EF.CSGT", FILE_LINEAR, 0x4F82, 0x02, 1, ONE, {86}},
    {"MF/ADF.USIM/DF.HNB/EF.HNBN", FILE_LINEAR, 0x4F83, 0x03, 1, ONE, {86}},
    {"MF/ADF.USIM/DF.HNB/EF.OCSGL", FILE_LINEAR, 0x4F84, 0x04, 1, ONE, {90}},
    {"MF/ADF.USIM/DF.HNB/EF.OCSGT", FILE_LINEAR, 0x4F85, 0x05, 1, ONE, {90}},
    {"MF/ADF.USIM/DF.HNB/EF.OHNBN", FILE_LINEAR, 0x4F86, 0x06, 1, ONE, {90}},
    {"MF/ADF.USIM/DF.ProSe", FILE_DF, 0x5F90, 0x00, 0, ONE, {101}},
    {"MF/ADF.USIM/DF.ProSe/EF.PROSE_MON", FILE_LINEAR, 0x4F01, 0x01, 1, ONE, {0}},
    {"MF/ADF.USIM/DF.ProSe/EF.PROSE_ANN", FILE_LINEAR, 0x4F02, 0x02, 1, ONE, {0}},
    {"MF/ADF.USIM/DF.ProSe/EF.PROSEFUNC", FILE_LINEAR, 0x4F03, 0x03, 1, ONE, {0}},
    {"MF/ADF.USIM/DF.ProSe/EF.PROSE_RADIO_COM", FILE_TRANSPARENT, 0x4F04, 0x04, 1, ONE, {0}},
    {"MF/ADF.USIM/DF.ProSe/EF.PROSE_RADIO_MON", FILE_TRANSPARENT, 0x4F05, 0x05, 1, ONE, {0}},
    {"MF/ADF.USIM/DF.ProSe/EF.PROSE_RADIO_ANN", FILE_TRANSPARENT, 0x4F06, 0x06, 1, ONE, {0}},
    {"MF/ADF.USIM/DF.ProSe/EF.PROSE_POLICY", FILE_LINEAR, 0x4F07, 0x07, 1, ONE, {0}},
    {"MF/ADF.USIM/DF.ProSe/EF.PROSE_PLMN", FILE_LINEAR, 0x4F08, 0x08, 1, ONE, {0}},
    {"MF/ADF.USIM/DF.ProSe/EF.PROSE_GC", FILE_TRANSPARENT, 0x4F09, 0x09, 1, ONE, {0}},
    {"MF/ADF.USIM/DF.ProSe/EF.PST", FILE_TRANSPARENT, 0x4F10, 0x10, 1, ONE, {0}},
    {"MF/ADF.USIM/DF.ProSe/EF.UIRC", FILE_TRANSPARENT, 0x4F11, 0x11, 1, ONE, {0}},
    {"MF/ADF.USIM/DF.ProSe/EF.PROSE_GM_DISCOVERY", FILE_LINEAR, 0x4F12, 0x12, 1, ONE, {0}},
    {"MF/ADF.USIM/DF.ProSe/EF.PROSE_RELAY", FILE_LINEAR, 0x4F13, 0x13, 1, ONE, {0}},
    {"MF/ADF.USIM/DF.ProSe/EF.PROSE_RELAY_DISCOVERY", FILE_TRANSPARENT, 0x4F14, 0x14, 1, ONE, {0}},
    {"MF/ADF.USIM/DF.5GS", FILE_DF, 0x5FC0, 0x00, 0, ANY, {122, 123, 124, 125, 126, 127, 129, 130}},
    {"MF/ADF.USIM/DF.5GS/EF.5GS3GPPLOCI", FILE_TRANSPARENT, 0x4F01, 0x01, 20, ONE, {122}},
    {"MF/ADF.USIM/DF.5GS/EF.5GSN3GPPLOCI", FILE_TRANSPARENT, 0x4F02, 0x02, 20, ONE, {122}},
    {"MF/ADF.USIM/DF.5GS/EF.5GS3GPPNSC", FILE_LINEAR, 0x4F03, 0x03, 57, ONE, {122}},
    {"MF/ADF.USIM/DF.5GS/EF.5GSN3GPPNSC", FILE_LINEAR, 0x4F04, 0x04, 57, ONE, {122}},
    {"MF/ADF.USIM/DF.5GS/EF.5GAUTHKEYS", FILE_TRANSPARENT, 0x4F05, 0x05, 68, ONE, {123}},
    {"MF/ADF.USIM/DF.5GS/EF.UAC_AIC", FILE_TRANSPARENT, 0x4F06, 0x06, 4, ONE, {126}},
    {"MF/ADF.USIM/DF.5GS/EF.SUCI_Calc_Info", FILE_TRANSPARENT, 0x4F07, 0x07, 2, ONE, {124}},
    {"MF/ADF.USIM/DF.5GS/EF.OPL5G", FILE_LINEAR, 0x4F08, 0x08, 10, ONE, {129}},
    {"MF/ADF.USIM/DF.5GS/EF.SUPI_NAI", FILE_TRANSPARENT, 0x4F09, 0x09, 1, ONE, {130}},
    {"MF/ADF.USIM/DF.5GS/EF.Routing_Indicator", FILE_TRANSPARENT, 0x4F0A, 0x0A, 1, ONE, {124}},
    {"MF/ADF.USIM/DF.5GS/EF.URSP", FILE_TRANSPARENT, 0x4F0B, 0x0B, 1, ONE, {132}},
    {"MF/ADF.USIM/DF.5GS/EF.TN3GPPSNN", FILE_TRANSPARENT, 0x4F0C, 0x0C, 1, ONE, {133}},
    {"MF/ADF.USIM/DF.5GS/EF.CAG", FILE_TRANSPARENT, 0x4F0D, 0x0D, 1, ONE, {137}},
    {"MF/ADF.USIM/DF.5GS/EF.SOR-CMCI", FILE_TRANSPARENT, 0x4F0E, 0x0E, 1, ONE, {138}},
    {"MF/ADF.USIM/DF.5GS/EF.DRI", FILE_TRANSPARENT, 0x4F0F, 0x0F, 1, ONE, {140}},
    {"MF/ADF.USIM/DF.5GS/EF.5GSEDRX", FILE_TRANSPARENT, 0x4F10, 0x10, 1, ONE, {141}},
    {"MF/ADF.USIM/DF.5GS/EF.5GNSWO_CONF", FILE_TRANSPARENT, 0x4F11, 0x11, 1, ONE, {142}},
    {"MF/ADF.USIM/DF.5GS/EF.MCHPPLMN", FILE_TRANSPARENT, 0x4F15, 0x15, 1, ONE, {144}},
    {"MF/ADF.USIM/DF.5GS/EF.KAUSF_DERIVATION", FILE_TRANSPARENT, 0x4F16, 0x16, 1, ONE, {145}},
    {"MF/ADF.USIM/DF.SNPN", FILE_DF, 0x5FE0, 0x00, 0, ANY, {143, 146}},
    {"MF/ADF.USIM/DF.SNPN/EF.PWS_SNPN", FILE_TRANSPARENT, 0x4F01, 0x01, 1, ONE, {143}},
    {"MF/ADF.USIM/DF.SNPN/EF.NID", FILE_LINEAR, 0x4F02, 0x02, 6, ONE, {146}},
    {"MF/ADF.USIM/DF.5G_ProSe", FILE_DF, 0x5FF0, 0x00, 0, ONE, {139}},
    {"MF/ADF.USIM/DF.5G_ProSe/EF.5G_PROSE_ST", FILE_TRANSPARENT, 0x4F01, 0x01, 1, ONE, {0}},
    {"MF/ADF.USIM/DF.5G_ProSe/EF.5G_PROSE_DD", FILE_TRANSPARENT, 0x4F02, 0x02, 1, ONE, {0}},
    {"MF/ADF.USIM/DF.5G_ProSe/EF.5G_PROSE_DC", FILE_TRANSPARENT, 0x4F03, 0x03, 1, ONE, {0}},
    {"MF/ADF.USIM/DF.5G_ProSe/EF.5G_PROSE_U2NRU", FILE_TRANSPARENT, 0x4F04, 0x04, 1, ONE, {0}},
    {"MF/ADF.USIM/DF.5G_ProSe/EF.5G_PROSE_RU", FILE_TRANSPARENT, 0x4F05, 0x05, 1, ONE, {0}},
    {"MF/ADF.USIM/DF.5G_ProSe/EF.5G_PROSE_UIR", FILE_TRANSPARENT, 0x4F06, 0x06, 1, ONE, {0}},
    {"MF/ADF.USIM/DF.5G_ProSe/EF.5G_PROSE_U2URU", FILE_TRANSPARENT, 0x4F07, 0x07, 1, ONE, {0}},
    {"MF/ADF.USIM/DF.5G_ProSe/EF.5G_PROSE_EU", FILE_TRANSPARENT, 0x4F08, 0x08, 1, ONE, {0}},
    {"MF/ADF.USIM/DF.SAIP", FILE_DF, 0x5FD0, 0x00, 0, ONE, {0}},
    {"MF/ADF.USIM/DF.SAIP/EF.SUCI_Calc_Info", FILE_TRANSPARENT, 0x4F01, 0x07, 2, ONE, {0}},
    {"MF/ADF.USIM/DF.5MBSUECONFIG", FILE_DF, 0x5FF1, 0x00, 0, ONE, {147}},
    {"MF/ADF.USIM/DF.5MBSUECONFIG/EF.5MBSUECONFIG", FILE_TRANSPARENT, 0x4F01, 0x00, 1, ONE, {0}},
    {"MF/ADF.USIM/EF.IMSI", FILE_TRANSPARENT, 0x6F07, 0x07, 9, ONE, {0}},
    {"MF/ADF.ISIM", FILE_ADF, 0, 0x00, 0, ONE, {0}},
    {"MF/ADF.ISIM/EF.IMPI", FILE_TRANSPARENT, 0x6F02, 0x02, 1, ONE, {0}},
    {"MF/ADF.ISIM/EF.DOMAIN", FILE_TRANSPARENT, 0x6F03, 0x05, 1, ONE, {0}},
    {"MF/ADF.ISIM/EF.IMPU", FILE_LINEAR, 0x6F04, 0x04, 1, ONE, {0}},
    {"MF/ADF.ISIM/EF.AD", FILE_TRANSPARENT, 0x6FAD, 0x00, 3, ONE, {0}},
    {"MF/ADF.ISIM/EF.ARR", FILE_LINEAR, 0x6F06, 0x06, 1, ONE, {0}},
    {"MF/ADF.ISIM/EF.IST", FILE_TRANSPARENT, 0x6F07, 0x07, 1, ONE, {0}},
    {"MF/ADF.ISIM/EF.P-CSCF", FILE_LINEAR, 0x6F09, 0x00, 1, ONE, {5}},
    {"MF/ADF.ISIM/EF.GBABP", FILE_TRANSPARENT, 0x6FD5, 0x00, 1, ONE, {2}},
    {"MF/ADF.ISIM/EF.GBANL", FILE_LINEAR, 0x6FD7, 0x00, 1, ONE, {2}},
    {"MF/ADF.ISIM/EF.NAFKCA", FILE_LINEAR, 0x6FDD, 0x00, 1, ONE, {2}},
    {"MF/ADF.ISIM/EF.SMS", FILE_LINEAR, 0x6F3C, 0x00, 176, ALL, {6, 8}},
    {"MF/ADF.ISIM/EF.SMSS", FILE_TRANSPARENT, 0x6F43, 0x00, 2, ALL, {6, 8}},
    {"MF/ADF.ISIM/EF.SMSR", FILE_LINEAR, 0x6F47, 0x00, 30, ALL, {7, 8}},
    {"MF/ADF.ISIM/EF.SMSP", FILE_LINEAR, 0x6F42, 0x00, 28, ONE, {8}},
    {"MF/ADF.ISIM/EF.UICCIARI", FILE_LINEAR, 0x6FE7, 0x00, 1, ONE, {10}},
    {"MF/ADF.ISIM/EF.FromPreferred", FILE_TRANSPARENT, 0x6FF7, 0x00, 1, ONE, {17}},
    {"MF/ADF.ISIM/EF.IMSConfigData", FILE_BERTLV, 0x6FF8, 0x00, 1, ONE, {18}},
    {"MF/ADF.ISIM/EF.XCAPConfigData", FILE_BERTLV, 0x6FFC, 0x00, 1, ONE, {19}},
    {"MF/ADF.ISIM/EF.WebRTCURI", FILE_LINEAR, 0x6FFA, 0x00, 1, ONE, {20}},
    {"MF/ADF.ISIM/EF.MuDMiDConfigData", FILE_BERTLV, 0x6FFE, 0x00, 1, ONE, {21}},
    {"MF/ADF.ISIM/EF.GBAUAPI", FILE_LINEAR, 0x6F0A, 0x00, 1, ONE, {2}},
    {"MF/ADF.ISIM/EF.IMSDCI", FILE_TRANSPARENT, 0x6F0B, 0x00, 1, ONE, {22}},
    {"MF/DF.TELECOM", FILE_DF, 0x7F10, 0x00, 0, ONE, {0}},
    {"MF/DF.TELECOM/EF.ADN", FILE_LINEAR, 0x6F3A, 0x00, 14, ONE, {0}},
    {"MF/DF.TELECOM/EF.FDN", FILE_LINEAR, 0x6F3B, 0x00, 14, ONE, {0}},
    {"MF/DF.TELECOM/EF.SMS", FILE_LINEAR, 0x6F3C, 0x00, 176, ONE, {0}},
    {"MF/DF.TELECOM/EF.CCP", FILE_LINEAR, 0x6F3D, 0x00, 14, ONE, {0}},
    {"MF/DF.TELECOM/EF.ECCP", FILE_LINEAR, 0x6F4F, 0x00, 15, ONE, {0}},
    {"MF/DF.TELECOM/EF.MSISDN", FILE_LINEAR, 0x6F40, 0x00, 15, ONE, {0}},
    {"MF/DF.TELECOM/EF.SMSP", FILE_LINEAR, 0x6F42, 0x00, 28, ONE, {0}},
    {"MF/DF.TELECOM/EF.SMSS", FILE_TRANSPARENT, 0x6F43, 0x00, 2, ONE, {0}},
    {"MF/DF.TELECOM/EF.LND", FILE_CYCLIC, 0x6F44, 0x00, 14, ONE, {0}},
    {"MF/DF.TELECOM/EF.SDN", FILE_LINEAR, 0x6F49, 0x00, 14, ONE, {0}},
    {"MF/DF.TELECOM/EF.EXT1", FILE_LINEAR, 0x6F4A, 0x00, 13, ONE, {0}},
    {"MF/DF.TELECOM/EF.EXT2", FILE_LINEAR, 0x6F4B, 0x00, 13, ONE, {0}},
    {"MF/DF.TELECOM/EF.EXT3", FILE_LINEAR, 0x6F4C, 0x00, 13, ONE, {0}},
    {"MF/DF.TELECOM/EF.BDN", FILE_LINEAR, 0x6F4D, 0x00, 15, ONE, {0}},
    {"MF/DF.TELECOM/EF.EXT4", FILE_LINEAR, 0x6F4E, 0x00, 13, ONE, {0}},
    {"MF/DF.TELECOM/EF.SMSR", FILE_LINEAR, 0x6F47, 0x00, 30, ONE, {0}},
    {"MF/DF.TELECOM/EF.CMI", FILE_LINEAR, 0x6F58, 0x00, 2, ONE, {0}},
    {"MF/DF.TELECOM/DF.PHONEBOOK", FILE_DF, 0x5F3A, 0x00, 0, ONE, {0}},
    {"MF/DF.TELECOM/DF.PHONEBOOK/EF.PBR", FILE_LINEAR, 0x4F30, 0x00, 1, ONE, {0}},
    {"MF/DF.TELECOM/DF.PHONEBOOK/EF.PSC", FILE_TRANSPARENT, 0x4F22, 0x00, 1, ONE, {0}},
    {"MF/DF.TELECOM/DF.PHONEBOOK/EF.CC", FILE_TRANSPARENT, 0x4F23, 0x00, 1, ONE, {0}},
    {"MF/DF.TELECOM/DF.PHONEBOOK/EF.PUID", FILE_TRANSPARENT, 0x4F24, 0x00, 1, ONE, {0}},
    {"MF/DF.TELECOM/DF.MULTIMEDIA", FILE_DF, 0x5F3B, 0x00, 0, ONE, {0}},
    {"MF/DF.TELECOM/DF.MULTIMEDIA/EF.MML", FILE_BERTLV, 0x4F47, 0x00, 1, ONE, {0}},
    {"MF/DF.TELECOM/DF.MULTIMEDIA/EF.MMDF", FILE_BERTLV, 0x4F48, 0x00, 1, ONE, {0}},
    {"MF/DF.TELECOM/DF.MCS", FILE_DF, 0x5F3D, 0x00, 0, ONE, {0}},
    {"MF/DF.TELECOM/DF.MCS/EF.MST", FILE_TRANSPARENT, 0x4F01, 0x01, 2, ONE, {0}},
    {"MF/DF.TELECOM/DF.MCS/EF.MCS_CONFIG", FILE_BERTLV, 0x4F02, 0x02, 1, ONE, {0}},
    {"MF/DF.TELECOM/DF.V2X", FILE_DF, 0x5F3E, 0x00, 0, ONE, {0}},
    {"MF/DF.TELECOM/DF.V2X/EF.VST", FILE_TRANSPARENT, 0x4F01, 0x01, 2, ONE, {0}},
    {"MF/DF.TELECOM/DF.V2X/EF.V2X_CONFIG", FILE_BERTLV, 0x4F02, 0x02, 1, ONE, {0}},
    {"MF/DF.GSM", FILE_DF, 0x7F20, 0x00, 0, ONE, {0}},
    {"MF/DF.GSM/EF.LP", FILE_TRANSPARENT, 0x6F05, 0x00, 1, ONE, {0}},
    {"MF/DF.GSM/EF.IMSI", FILE_TRANSPARENT, 0x6F07, 0x00, 9, ONE, {0}},
    {"MF/DF.GSM/EF.Kc", FILE_TRANSPARENT, 0x6F20, 0x00, 9, ONE, {0}},
    {"MF/DF.GSM/EF.PLMNsel", FILE_TRANSPARENT, 0x6F30, 0x00, 3, ONE, {0}},
    {"MF/DF.GSM/EF.HPPLMN", FILE_TRANSPARENT, 0x6F31, 0x00, 1, ONE, {0}},
    {"MF/DF.GSM/EF.ACMmax", FILE_TRANSPARENT, 0x6F37, 0x00, 3, ONE, {0}},
    {"MF/DF.GSM/EF.SST", FILE_TRANSPARENT, 0x6F38, 0x00, 2, ONE, {0}},
    {"MF/DF.GSM/EF.ACM", FILE_CYCLIC, 0x6F39, 0x00, 3, ONE, {0}},
    {"MF/DF.GSM/EF.GID1", FILE_TRANSPARENT, 0x6F3E, 0x00, 1, ONE, {0}},
    {"MF/DF.GSM/EF.GID2", FILE_TRANSPARENT, 0x6F3F, 0x00, 1, ONE, {0}},
    {"MF/DF.GSM/EF.SPN", FILE_TRANSPARENT, 0x6F46, 0x00, 17, ONE, {0}},
    {"MF/DF.GSM/EF.PUCT", FILE_TRANSPARENT, 0x6F41, 0x00, 5, ONE, {0}},
    {"MF/DF.GSM/EF.CBMI", FILE_TRANSPARENT, 0x6F45, 0x00, 2, ONE, {0}},
    {"MF/DF.GSM/EF.BCCH", FILE_TRANSPARENT, 0x6F74, 0x00, 16, ONE, {0}},
    {"MF/DF.GSM/EF.ACC", FILE_TRANSPARENT, 0x6F78, 0x00, 2, ONE, {0}},
    {"MF/DF.GSM/EF.FPLMN", FILE_TRANSPARENT, 0x6F7B, 0x00, 3, ONE, {0}},
    {"MF/DF.GSM/EF.LOCI", FILE_TRANSPARENT, 0x6F7E, 0x00, 11, ONE, {0}},
    {"MF/DF.GSM/EF.AD", FILE_TRANSPARENT, 0x6FAD, 0x00, 3, ONE, {0}},
    {"MF/DF.GSM/EF.Phase", FILE_TRANSPARENT, 0x6FAE, 0x00, 1, ONE, {0}},
    {"MF/DF.GSM/EF.VGCS", FILE_TRANSPARENT, 0x6FB1, 0x00, 4, ONE, {0}},
    {"MF/DF.GSM/EF.VGCSS", FILE_TRANSPARENT, 0x6FB2, 0x00, 7, ONE, {0}},
    {"MF/DF.GSM/EF.VBS", FILE_TRANSPARENT, 0x6FB3, 0x00, 4, ONE, {0}},
    {"MF/DF.GSM/EF.VBSS", FILE_TRANSPARENT, 0x6FB4, 0x00, 7, ONE, {0}},
    {"MF/DF.GSM/EF.eMLPP", FILE_TRANSPARENT, 0x6FB5, 0x00, 2, ONE, {0}},
    {"MF/DF.GSM/EF.AAeM", FILE_TRANSPARENT, 0x6FB6, 0x00, 1, ONE, {0}},
    {"MF/DF.GSM/EF.CBMID", FILE_TRANSPARENT, 0x6F48, 0x00, 2, ONE, {0}},
    {"MF/DF.GSM/EF.ECC", FILE_TRANSPARENT, 0x6FB7, 0x00, 3, ONE, {0}},
    {"MF/DF.GSM/EF.CBMIR", FILE_TRANSPARENT, 0x6F50, 0x00, 4, ONE, {0}},
    {"MF/DF.GSM/EF.DCK", FILE_TRANSPARENT, 0x6F2C, 0x00, 16, ONE, {0}},
    {"MF/DF.GSM/EF.CNL", FILE_TRANSPARENT, 0x6F32, 0x00, 6, ONE, {0}},
    {"MF/DF.GSM/EF.NIA", FILE_LINEAR, 0x6F51, 0x00, 1, ONE, {0}},
    {"MF/DF.GSM/EF.KcGPRS", FILE_TRANSPARENT, 0x6F52, 0x00, 9, ONE, {0}},
    {"MF/DF.GSM/EF.LOCIGPRS", FILE_TRANSPARENT, 0x6F53, 0x00, 14, ONE, {0}},
    {"MF/DF.GSM/EF.SUME", FILE_TRANSPARENT, 0x6F54, 0x00, 1, ONE, {0}},
    {"MF/DF.GSM/EF.PLMNwAcT", FILE_TRANSPARENT, 0x6F60, 0x00, 5, ONE, {0}},
    {"MF/DF.GSM/EF.OPLMNwAcT", FILE_TRANSPARENT, 0x6F61, 0x00, 5, ONE, {0}},
    {"MF/DF.GSM/EF.HPLMNwAcT", FILE_TRANSPARENT, 0x6F62, 0x00, 5, ONE, {0}},
    {"MF/DF.GSM/EF.CPBCCH", FILE_TRANSPARENT, 0x6F63, 0x00, 2, ONE, {0}},
    {"MF/DF.GSM/EF.InvScan", FILE_TRANSPARENT, 0x6F64, 0x00, 1, ONE, {0}},
    {"MF/DF.GSM/EF.PNN", FILE_LINEAR, 0x6FC5, 0x00, 1, ONE, {0}},
    {"MF/DF.GSM/EF.OPL", FILE_LINEAR, 0x6FC6, 0x00, 8, ONE, {0}},
    {"MF/DF.GSM/EF.MBDN", FILE_LINEAR, 0x6FC7, 0x00, 14, ONE, {0}},
    {"MF/DF.GSM/EF.MBI", FILE_LINEAR, 0x6FC9, 0x00, 4, ONE, {0}},
    {"MF/DF.GSM/EF.MWIS", FILE_LINEAR, 0x6FCA, 0x00, 5, ONE, {0}},
    {"MF/DF.GSM/EF.CFIS", FILE_LINEAR, 0x6FCB, 0x00, 16, ONE, {0}},
    {"MF/DF.GSM/EF.EXT6", FILE_LINEAR, 0x6FC8, 0x00, 13, ONE, {0}},
    {"MF/DF.GSM/EF.EXT7", FILE_LINEAR, 0x6FCC, 0x00, 13, ONE, {0}},
    {"MF/DF.GSM/EF.SPDI", FILE_TRANSPARENT, 0x6FCD, 0x00, 1, ONE, {0}},
    {"MF/DF.GSM/EF.MMSN", FILE_LINEAR, 0x6FCE, 0x00, 4, ONE, {0}},
    {"MF/DF.GSM/EF.EXT8", FILE_LINEAR, 0x6FCF, 0x00, 13, ONE, {0}},
    {"MF/DF.GSM/EF.MMSICP", FILE_TRANSPARENT, 0x6FD0, 0x00, 1, ONE, {0}},
    {"MF/DF.GSM/EF.MMSUP", FILE_LINEAR, 0x6FD1, 0x00, 1, ONE, {0}},
    {"MF/DF.GSM/EF.MMSUCP", FILE_TRANSPARENT, 0x6FD2, 0x00, 1, ONE, {0}},
};
/* clang-format on */

enum { KNOWN = sizeof known / sizeof known[0] };

/* What the full profile does without, and why. */
static const struct {
    const char *path, *why;
} without[] = {
    {"MF/ADF.USIM/EF.BDN", "service 6 needs call control (30), which the card does not do"},
    {"MF/ADF.USIM/EF.EXT4", "extends EF.BDN"},
    {"MF/ADF.USIM/EF.CMI", "compares with EF.BDN"},
    {"MF/ADF.USIM/EF.RPLMNAcTD", "void in TS 31.102 since release 5"},
    {"MF/ADF.USIM/EF.VGCSCA", "service 64, VGCS security: AUTHENTICATE has no such context"},
    {"MF/ADF.USIM/EF.VBSCA", "service 65, VBS security: nor this"},
    {"MF/ADF.USIM/EF.MSK", "service 69, MBMS security: nor this"},
    {"MF/ADF.USIM/EF.MUK", "service 69"},
    {"MF/ADF.USIM/EF.NAFKCA", "service 76, local key establishment: nor this"},
    {"MF/ADF.USIM/EF.NCP-IP", "service 80: no applet opens IP connections"},
    {"MF/ADF.USIM/EF.FDNURI", "service 99 is not announced where there is an ISIM"},
    {"MF/ADF.USIM/EF.BDNURI", "services 6, 99"},
    {"MF/ADF.USIM/EF.SDNURI", "service 99"},
    {"MF/ADF.USIM/EF.IPS", "service 102, USAT application pairing: the profile paired has it"},
    {"MF/ADF.USIM/EF.IMSConfigData",
     "service 115 is not announced where there is an ISIM, which has the file"},
    {"MF/ADF.USIM/EF.FromPreferred", "service 114: likewise"},
    {"MF/ADF.USIM/EF.MuDMiDConfigData", "service 134: likewise"},
    {"MF/DF.TELECOM/EF.CCP", "there is none beside a USIM (TS 31.102 4.5.3)"},
    {"MF/DF.TELECOM/EF.ECCP", "would be the phone book's first EF.CCP1, which it has not"},
    {"MF/ADF.USIM/DF.5GS/EF.SUPI_NAI", "service 130: the SUPI is an IMSI"},
    {"MF/ADF.ISIM/EF.UICCIARI", "service 10, UICC access to IMS"},
    {"MF/DF.TELECOM/EF.BDN", "as in the USIM"},
    {"MF/DF.TELECOM/EF.EXT4", "as in the USIM"},
    {"MF/DF.TELECOM/EF.CMI", "as in the USIM"},
};

/* Files beyond that list which a service needs. */
static const struct known needed[] = {
    {"MF/ADF.USIM/DF.PHONEBOOK", FILE_DF, 0x5F3A, 0, 0, ONE, {1}},
    {"MF/DF.TELECOM/DF.MULTIMEDIA", FILE_DF, 0x5F3B, 0, 0, ONE, {67}},
    {"MF/ADF.USIM/EF.LRPLMNSI", FILE_TRANSPARENT, 0x6FDC, 0, 1, ONE, {74}},
    {"MF/DF.TELECOM/DF.MCS", FILE_DF, 0x5F3D, 0, 0, ONE, {109}},
    {"MF/DF.TELECOM/DF.V2X", FILE_DF, 0x5F3E, 0, 0, ONE, {119}},
};

/* Services that are no file's alone: announced when `path` is there (always, if NULL). */
struct function {
    const char *table;
    uint8_t service;
    const char *path, *why;
};

static const struct function functions[] = {
    {"MF/ADF.USIM", 28, NULL, "ENVELOPE (SMS-PP download) reaches the OTA receiver"},
    {"MF/ADF.USIM", 33, NULL, "TS 31.102 4.2.8: shall be set to 1"},
    {"MF/ADF.USIM", 38, NULL, "AUTHENTICATE in the GSM context"},
    {"MF/ADF.USIM", 70, NULL, "ENVELOPE (USSD download) reaches the OTA receiver"},
    {"MF/ADF.USIM", 91, "MF/DF.TELECOM/EF.PSISMSC", "SM over IP: the same ENVELOPE, and a place for the PSI"},
    {"MF/ADF.USIM", 102, "MF/ADF.USIM/EF.IWL", "the list that the applet `pairing` compares with"},
    {"MF/ADF.USIM", 106, "MF/ADF.USIM/EF.ePDGId", "there can be an ePDG configuration; 107: there is one"},
    {"MF/ADF.USIM", 110, "MF/ADF.USIM/EF.ePDGIdEm", "the same for emergencies; 111"},
    {"MF/ADF.USIM", 125, "MF/ADF.USIM/DF.SAIP/EF.SUCI_Calc_Info", "GET IDENTITY"},
    {"MF/ADF.USIM", 135, "MF/ADF.USIM/DF.5GS/EF.TN3GPPSNN", "trusted non-3GPP access: its serving networks"},
    {"MF/ADF.USIM", 136, "MF/ADF.USIM/DF.5GS/EF.5GS3GPPNSC", "it has two records"},
    {"MF/ADF.ISIM", 1, "MF/ADF.ISIM/EF.P-CSCF", "the address is there"},
    {"MF/ADF.ISIM", 6, "MF/ADF.ISIM/EF.SMS", "with service 8"},
    {"MF/ADF.ISIM", 7, "MF/ADF.ISIM/EF.SMSR", "with service 8"},
};

/* Services whose files are there and which still are not announced. */
static const struct function undone[] = {
    {"MF/ADF.USIM", 89, "MF/ADF.USIM/EF.FDN", "eCall data: no number of an emergency centre is stored"},
    {"MF/ADF.USIM", 127, "MF/ADF.USIM/DF.5GS", "steering of roaming: the home network would have to send it"},
    {"MF/ADF.USIM", 130, "MF/ADF.USIM/DF.5GS", "SUPI of another type than IMSI"},
};

/* ---- look-up ---- */

static struct uicc_profile *load(const char *name)
{
    struct profile_error error;
    struct uicc_profile *u = profile_load(name, &error);
    if (u == NULL)
        fail_msg("%s", error.text);
    return u;
}

static uint16_t find(const struct profile *p, const char *path)
{
    uint16_t at = 0;
    while ((path = strchr(path, '/')) != NULL) {
        size_t n = strcspn(++path, "/");
        uint16_t i = 1;
        while (i < p->n_files && (p->files[i].parent != at || strlen(p->files[i].name) != n ||
                                  memcmp(p->files[i].name, path, n) != 0))
            i++;
        if (i == p->n_files)
            return PROFILE_NO_FILE;
        at = i;
    }
    return at;
}

static bool there(const struct profile *p, const char *path)
{
    return find(p, path) != PROFILE_NO_FILE;
}

/* ---- service tables of one bit a service: EF.UST, EF.IST ---- */

static bool below(const char *path, const char *table)
{
    size_t n = strlen(table);
    return strncmp(path, table, n) == 0 && path[n] == '/';
}

/* Does this file have to be there for the service? Of several that must all be announced, only the last
 * depends on the file. */
static bool asks_for(const struct known *k, unsigned service)
{
    size_t n = 0;
    while (n < sizeof k->services && k->services[n] != 0)
        n++;
    for (size_t i = 0; i < n; i++)
        if (k->services[i] == service)
            return k->mode != ALL || i + 1 == n;
    return false;
}

static bool works(const struct profile *p, const char *table, unsigned service)
{
    for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++)
        if (functions[i].service == service && strcmp(functions[i].table, table) == 0)
            return functions[i].path == NULL || there(p, functions[i].path);
    for (size_t i = 0; i < sizeof undone / sizeof undone[0]; i++)
        if (undone[i].service == service && strcmp(undone[i].table, table) == 0)
            return false;
    unsigned files = 0;
    for (size_t i = 0; i < KNOWN; i++)
        if (below(known[i].path, table) && asks_for(&known[i], service)) {
            if (!there(p, known[i].path))
                return false;
            files++;
        }
    for (size_t i = 0; i < sizeof needed / sizeof needed[0] && strcmp(table, "MF/ADF.USIM") == 0; i++)
        if (asks_for(&needed[i], service)) {
            if (!there(p, needed[i].path))
                return false;
            files++;
        }
    return files > 0;
}

static bool announced(struct span table, unsigned service)
{
    return (service - 1) / 8 < table.n && (table.p[(service - 1) / 8] >> (service - 1) % 8 & 1) != 0;
}

static unsigned check_table(const char *profile, const struct profile *p, const char *adf, const char *file)
{
    char path[40];
    unsigned wrong = 0;
    (void)snprintf(path, sizeof path, "%s/%s", adf, file);
    uint16_t at = find(p, path);
    if (at == PROFILE_NO_FILE)
        return 0;
    struct span table = p->files[at].content;
    uint8_t right[SERVICES_MAX / 8] = {0};
    size_t used = 0;
    for (unsigned s = 1; s <= SERVICES_MAX; s++) {
        bool expected = works(p, adf, s);
        if (expected) {
            right[(s - 1) / 8] |= (uint8_t)(1u << (s - 1) % 8);
            used = (s + 7) / 8;
        }
        if (expected != announced(table, s)) {
            print_error("%s: %s: service %u %s\n", profile, path, s, expected ? "works" : "does not work");
            wrong++;
        }
    }
    for (size_t i = 0; i < KNOWN; i++) {
        const struct known *k = &known[i];
        if (!below(k->path, adf) || k->services[0] == 0)
            continue;
        unsigned yes = 0, n = 0;
        for (; n < sizeof k->services && k->services[n] != 0; n++)
            yes += announced(table, k->services[n]);
        if (there(p, k->path) != (k->mode == ALL ? yes == n : yes > 0)) {
            print_error("%s: %s is %s, its services are not\n", profile, k->path,
                        there(p, k->path) ? "there" : "absent");
            wrong++;
        }
    }
    if (wrong > 0) {
        print_error("%s: %s: should be ", profile, path);
        for (size_t i = 0; i < used; i++)
            print_error("%02X", right[i]);
        print_error("\n");
    }
    return wrong;
}

static void test_services(void **state)
{
    (void)state;
    unsigned wrong = 0;
    for (size_t i = 0; i < PROFILES; i++) {
        struct uicc_profile *u = load(profiles[i]);
        wrong += check_table(profiles[i], &u->p, "MF/ADF.USIM", "EF.UST");
        wrong += check_table(profiles[i], &u->p, "MF/ADF.ISIM", "EF.IST");
        profile_free(u);
    }
    assert_int_equal(wrong, 0);
}

/* ---- EF.SST: two bits a service (TS 51.011 10.3.7) ---- */

static const struct {
    uint8_t service;
    const char *files[5]; /* all must be there; none: the card does it */
} sim_services[] = {
    {1, {0}}, /* DISABLE CHV */
    {2, {"MF/DF.TELECOM/EF.ADN"}},
    {3, {"MF/DF.TELECOM/EF.FDN"}},
    {4, {"MF/DF.TELECOM/EF.SMS"}},
    {5, {"MF/DF.GSM/EF.ACM", "MF/DF.GSM/EF.ACMmax", "MF/DF.GSM/EF.PUCT"}},
    {6, {"MF/DF.TELECOM/EF.CCP"}},
    {7, {"MF/DF.GSM/EF.PLMNsel"}},
    {9, {"MF/DF.TELECOM/EF.MSISDN"}},
    {10, {"MF/DF.TELECOM/EF.EXT1"}},
    {11, {"MF/DF.TELECOM/EF.EXT2"}},
    {12, {"MF/DF.TELECOM/EF.SMSP"}},
    {13, {"MF/DF.TELECOM/EF.LND"}},
    {14, {"MF/DF.GSM/EF.CBMI"}},
    {15, {"MF/DF.GSM/EF.GID1"}},
    {16, {"MF/DF.GSM/EF.GID2"}},
    {17, {"MF/DF.GSM/EF.SPN"}},
    {18, {"MF/DF.TELECOM/EF.SDN"}},
    {19, {"MF/DF.TELECOM/EF.EXT3"}},
    {21, {"MF/DF.GSM/EF.VGCS", "MF/DF.GSM/EF.VGCSS"}},
    {22, {"MF/DF.GSM/EF.VBS", "MF/DF.GSM/EF.VBSS"}},
    {23, {"MF/DF.GSM/EF.eMLPP"}},
    {24, {"MF/DF.GSM/EF.AAeM"}},
    {25, {"MF/DF.GSM/EF.CBMID"}},
    {26, {0}}, /* ENVELOPE (SMS-PP download) */
    {29, {0}}, /* TERMINAL PROFILE, FETCH, TERMINAL RESPONSE */
    {30, {"MF/DF.GSM/EF.CBMIR"}},
    {31, {"MF/DF.TELECOM/EF.BDN"}},
    {32, {"MF/DF.TELECOM/EF.EXT4"}},
    {33, {"MF/DF.GSM/EF.DCK"}},
    {34, {"MF/DF.GSM/EF.CNL"}},
    {35, {"MF/DF.TELECOM/EF.SMSR"}},
    {36, {"MF/DF.GSM/EF.NIA"}},
    {38, {"MF/DF.GSM/EF.KcGPRS", "MF/DF.GSM/EF.LOCIGPRS"}},
    {43, {"MF/DF.GSM/EF.PLMNwAcT"}},
    {44, {"MF/DF.GSM/EF.OPLMNwAcT"}},
    {45, {"MF/DF.GSM/EF.HPLMNwAcT"}},
    {46, {"MF/DF.GSM/EF.CPBCCH"}},
    {47, {"MF/DF.GSM/EF.InvScan"}},
    {48, {"MF/DF.TELECOM/EF.ECCP"}},
    {51, {"MF/DF.GSM/EF.PNN"}},
    {52, {"MF/DF.GSM/EF.OPL"}},
    {53, {"MF/DF.GSM/EF.MBDN", "MF/DF.GSM/EF.MBI"}},
    {54, {"MF/DF.GSM/EF.MWIS"}},
    {55, {"MF/DF.GSM/EF.CFIS"}},
    {56, {"MF/DF.GSM/EF.SPDI"}},
    {57, {"MF/DF.GSM/EF.MMSN", "MF/DF.GSM/EF.MMSICP", "MF/DF.GSM/EF.MMSUP"}},
    {58, {"MF/DF.GSM/EF.EXT8"}},
    {59, {"MF/DF.GSM/EF.MMSUCP"}},
};

static void test_sim_services(void **state)
{
    (void)state;
    for (size_t i = 0; i < PROFILES; i++) {
        struct uicc_profile *u = load(profiles[i]);
        uint16_t sst = find(&u->p, "MF/DF.GSM/EF.SST");
        uint8_t right[15] = {0};
        char expected[31], got[100];
        for (size_t s = 0; s < sizeof sim_services / sizeof sim_services[0]; s++) {
            bool all = true;
            for (size_t k = 0; k < 5 && sim_services[s].files[k] != NULL; k++)
                all = all && there(&u->p, sim_services[s].files[k]);
            unsigned n = sim_services[s].service - 1u;
            if (all)
                right[n / 4] |= (uint8_t)(3u << 2 * (n % 4));
        }
        if (sst != PROFILE_NO_FILE) {
            for (size_t k = 0; k < sizeof right; k++)
                (void)snprintf(expected + 2 * k, 3, "%02X", right[k]);
            struct span table = u->p.files[sst].content;
            for (size_t k = 0; k < table.n && k < 49; k++)
                (void)snprintf(got + 2 * k, 3, "%02X", table.p[k]);
            assert_string_equal(got, expected);
        }
        profile_free(u);
    }
}

/* ---- the files themselves ---- */

static void check_known(const char *profile, const struct profile *p, const struct known *k, unsigned *wrong)
{
    uint16_t i = find(p, k->path);
    if (i == PROFILE_NO_FILE)
        return;
    const struct profile_file *f = &p->files[i];
    unsigned size = f->record_len != 0 ? f->record_len : (unsigned)f->size;
    if (f->kind == k->kind && (k->kind == FILE_ADF || f->fid == k->fid) &&
        (k->sfi == 0 || f->sfi == k->sfi) && size >= k->min)
        return;
    print_error(
        "%s: %s: kind %u, FID %04X, SFI %02X, size %u; clients expect kind %u, %04X, %02X, at least %u\n",
        profile, k->path, f->kind, f->fid, f->sfi, size, k->kind, k->fid, k->sfi, k->min);
    (*wrong)++;
}

static void test_known_files(void **state)
{
    (void)state;
    unsigned wrong = 0;
    for (size_t i = 0; i < PROFILES; i++) {
        struct uicc_profile *u = load(profiles[i]);
        for (size_t k = 0; k < KNOWN; k++)
            check_known(profiles[i], &u->p, &known[k], &wrong);
        profile_free(u);
    }
    assert_int_equal(wrong, 0);
}

static void test_complete(void **state)
{
    (void)state;
    unsigned wrong = 0;
    struct uicc_profile *u = load("usim");
    for (size_t k = 0; k < KNOWN; k++) {
        bool left_out = false;
        for (size_t i = 0; i < sizeof without / sizeof without[0]; i++)
            left_out = left_out || strcmp(without[i].path, known[k].path) == 0;
        if (there(&u->p, known[k].path) == left_out) {
            print_error("usim: %s is %s\n", known[k].path, left_out ? "there after all" : "missing");
            wrong++;
        }
    }
    profile_free(u);
    assert_int_equal(wrong, 0);
}

static void test_list(void **state)
{
    (void)state;
    struct profile_error error;
    for (size_t i = 0; i < PROFILES; i++) {
        assert_string_equal(profile_builtin_names[i], profiles[i]);
        struct uicc_profile *u = load(profiles[i]);
        assert_string_equal(u->p.name, profiles[i]);
        assert_true(strlen(u->p.title) > 0);
        assert_int_equal(u->p.insecure, strcmp(profiles[i], "test") == 0);
        profile_free(u);
    }
    assert_null(profile_builtin_names[PROFILES]);
    for (const struct profile_builtin *b = profile_builtins; b->name != NULL; b++)
        if (strncmp(b->name, "part-", 5) == 0) { /* nothing but a part */
            assert_null(profile_load(b->name, &error));
            assert_non_null(strstr(error.text, "is missing; add it"));
        }
}

static void test_keys(void **state)
{
    (void)state;
    static const unsigned pairs[] = {8, 4, 4, 4, 2, 4};
    for (size_t i = 0; i < PROFILES; i++) {
        struct uicc_profile *u = load(profiles[i]);
        const struct profile *p = &u->p;
        assert_int_equal(p->n_pairs, pairs[i]);
        for (unsigned k = strcmp(profiles[i], "test") == 0; k < p->n_pairs; k++)
            assert_int_equal(p->pairs[k].derived, PAIR_DERIVE_K | PAIR_DERIVE_OPC | PAIR_DERIVE_OTA);
        for (unsigned k = 0; k < p->n_keysets; k++)
            assert_true(p->keysets[k].derived || (p->insecure && p->keysets[k].domain != 0));
        profile_free(u);
    }
    struct uicc_profile *u = load("usim");
    assert_int_equal(profile_common_keysets(&u->p), 1);
    assert_int_equal(u->p.n_keysets, 3);
    assert_int_equal(u->p.keysets[0].keys.version, 15);
    assert_int_equal(u->p.keysets[0].rights, RIGHT_REMOTE_CHANGE | RIGHT_MANAGE_APPLETS);
    profile_free(u);
}

/* EF.DIR names the applets that own an ADF, all of them and no other (ETSI TS 102 221 13.1). */
static void test_directory(void **state)
{
    (void)state;
    for (size_t i = 0; i < PROFILES; i++) {
        struct uicc_profile *u = load(profiles[i]);
        const struct profile *p = &u->p;
        uint16_t at = find(p, "MF/EF.DIR");
        unsigned owners = 0, named = 0;
        for (unsigned a = 0; a < p->n_applets; a++) {
            uint16_t adf = p->applets[a].adf;
            owners += p->applets[a].aid_len > 0 && adf != PROFILE_NO_FILE && p->files[adf].applet == a;
        }
        for (size_t r = 0; at != PROFILE_NO_FILE && r < p->files[at].size; r += p->files[at].record_len) {
            struct span record = span_slice(p->files[at].content, r, p->files[at].record_len), template, aid;
            if (record.p[0] == 0xFF)
                continue;
            assert_true(tlv_find(record, 0x61, &template));
            assert_true(tlv_find(template, 0x4F, &aid));
            bool found = false;
            for (unsigned a = 0; a < p->n_applets; a++)
                found = found || span_equal(aid, span_of(p->applets[a].aid, p->applets[a].aid_len));
            assert_true(found);
            named++;
        }
        assert_int_equal(named, owners);
        profile_free(u);
    }
}

/* Shared by all cards of the profile, in memory and in a deck. */
static void test_size(void **state)
{
    (void)state;
    struct uicc_profile *u = load("usim");
    size_t content = 0;
    for (unsigned i = 0; i < u->p.n_files; i++)
        content += u->p.files[i].content.n;
    assert_in_range(content, 10000, 80000);
    profile_free(u);
}

/* ---- what stands in them ---- */

/* Whole objects, then FF to the end. */
static bool objects_then_padding(struct span s)
{
    struct reader r = rd_of(s);
    struct tlv t;
    while (r.left > 0 && r.p[0] != 0xFF)
        if (!tlv_next(&r, &t))
            return false;
    for (size_t i = 0; i < r.left; i++)
        if (r.p[i] != 0xFF)
            return false;
    return true;
}

static void test_objects(void **state)
{
    (void)state;
    static const char *const files[] = {
        "MF/ADF.USIM/EF.EPSNSC",
        "MF/ADF.USIM/EF.NASCONFIG",
        "MF/ADF.USIM/EF.SPDI",
        "MF/ADF.USIM/EF.PNN",
        "MF/ADF.USIM/EF.ePDGId",
        "MF/ADF.USIM/EF.ePDGSelection",
        "MF/ADF.USIM/EF.ePDGIdEm",
        "MF/ADF.USIM/EF.ePDGSelectionEm",
        "MF/ADF.USIM/EF.XCAPConfigData",
        "MF/ADF.USIM/DF.PHONEBOOK/EF.PBR",
        "MF/ADF.USIM/DF.WLAN/EF.WRI",
        "MF/ADF.USIM/DF.5GS/EF.5GS3GPPNSC",
        "MF/ADF.USIM/DF.5GS/EF.5GSN3GPPNSC",
        "MF/ADF.USIM/DF.5GS/EF.5GAUTHKEYS",
        "MF/ADF.USIM/DF.5GS/EF.SUCI_Calc_Info",
        "MF/ADF.USIM/DF.5GS/EF.TN3GPPSNN",
        "MF/ADF.USIM/DF.5G_ProSe/EF.5G_PROSE_DD",
        "MF/ADF.USIM/DF.5G_ProSe/EF.5G_PROSE_EU",
        "MF/ADF.USIM/DF.SAIP/EF.SUCI_Calc_Info",
        "MF/ADF.USIM/DF.5MBSUECONFIG/EF.5MBSUECONFIG",
        "MF/ADF.ISIM/EF.P-CSCF",
        "MF/ADF.ISIM/EF.NAFKCA",
        "MF/ADF.ISIM/EF.IMSConfigData",
        "MF/ADF.ISIM/EF.XCAPConfigData",
        "MF/ADF.ISIM/EF.MuDMiDConfigData",
        "MF/DF.TELECOM/DF.PHONEBOOK/EF.PBR",
        "MF/DF.GSM/EF.SPDI",
        "MF/DF.GSM/EF.PNN",
    };
    struct uicc_profile *u = load("usim");
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        uint16_t at = find(&u->p, files[i]);
        if (at == PROFILE_NO_FILE)
            fail_msg("no %s", files[i]);
        const struct profile_file *f = &u->p.files[at];
        size_t step = f->record_len != 0 ? f->record_len : f->size;
        assert_int_not_equal(f->content.p[0], 0xFF);
        for (size_t r = 0; r < f->size; r += step)
            if (!objects_then_padding(span_slice(f->content, r, step)))
                fail_msg("%s: not whole objects and padding", files[i]);
    }
    profile_free(u);
}

/* EF.PBR (TS 31.102 4.4.2.1): FID and SFI of each file are right, and those of type 1 have as many records as
 * EF.ADN. */
static void test_phone_books(void **state)
{
    (void)state;
    static const char *const books[] = {"MF/ADF.USIM/DF.PHONEBOOK", "MF/DF.TELECOM/DF.PHONEBOOK"};
    struct uicc_profile *u = load("usim");
    const struct profile *p = &u->p;
    for (size_t i = 0; i < 2; i++) {
        uint16_t df = find(p, books[i]), pbr = profile_child(p, df, 0x4F30),
                 adn = profile_child(p, df, 0x4F3A);
        struct reader r = rd_of(span_slice(p->files[pbr].content, 0, p->files[pbr].record_len));
        struct tlv type, file;
        unsigned files = 0;
        while (r.left > 0 && r.p[0] != 0xFF) {
            assert_true(tlv_next(&r, &type));
            struct reader inner = rd_of(type.value);
            while (tlv_next(&inner, &file)) {
                assert_int_equal(file.value.n, 3);
                uint16_t at = profile_child(p, df, (uint16_t)(file.value.p[0] << 8 | file.value.p[1]));
                assert_int_not_equal(at, PROFILE_NO_FILE);
                assert_int_equal(p->files[at].sfi, file.value.p[2]);
                if (type.tag == 0xA8)
                    assert_int_equal(p->files[at].size / p->files[at].record_len,
                                     p->files[adn].size / p->files[adn].record_len);
                files++;
            }
            assert_true(rd_done(&inner));
        }
        unsigned there_are = 0; /* all but EF.PBR, EF.PSC, EF.CC and EF.PUID are in it */
        for (unsigned k = 1; k < p->n_files; k++)
            there_are += p->files[k].parent == df;
        assert_int_equal(files, there_are - 4);
    }
    profile_free(u);
}

/* ---- cards ---- */

static void select_fid(struct fixture *f, uint16_t fid)
{
    uint8_t select[] = {0x00, 0xA4, 0x00, 0x04, 0x02, (uint8_t)(fid >> 8), (uint8_t)fid};
    uint16_t sw = fixture_transmit(f, span_of(select, sizeof select), true);
    if (sw != 0x9000)
        fail_msg("SELECT %04X: %04X", fid, sw);
}

static void select_adf(struct fixture *f, const struct profile_applet *a)
{
    uint8_t select[5 + PROFILE_AID_MAX] = {0x00, 0xA4, 0x04, 0x04, a->aid_len};
    memcpy(select + 5, a->aid, a->aid_len);
    assert_int_equal(fixture_transmit(f, span_of(select, 5u + a->aid_len), true), 0x9000);
}

/* From the MF down, as a client without paths does. */
static void go_to(struct fixture *f, uint16_t file)
{
    const struct profile *p = &f->profile->p;
    uint16_t way[16];
    unsigned n = 0;
    for (; file != 0; file = p->files[file].parent)
        way[n++] = file;
    select_fid(f, 0x3F00);
    while (n-- > 0) {
        const struct profile_file *step = &p->files[way[n]];
        if (step->kind == FILE_ADF)
            select_adf(f, &p->applets[step->applet]);
        else
            select_fid(f, step->fid);
    }
}

/* What clients make of an FCP: lengths of one octet, the tags of TS 102 221 11.1.1.3 and no others, the
 * PINs (C6) of an EF as well. */
static void check_fcp(const char *name, size_t response, struct span fcp)
{
    static const uint8_t tags[] = {0x80, 0x81, 0x82, 0x83, 0x84, 0x88, 0x8A, 0x8B, 0x8C, 0xA5, 0xAB, 0xC6};
    struct reader r = rd_of(fcp);
    struct tlv t;
    bool pins = false;
    if (response > 127)
        fail_msg("%s: an FCP of %zu octets", name, response);
    while (tlv_next(&r, &t)) {
        if (memchr(tags, (int)t.tag, sizeof tags) == NULL || t.tag > 0xFF)
            fail_msg("%s: tag %X in its FCP", name, (unsigned)t.tag);
        pins = pins || t.tag == 0xC6;
    }
    if (!rd_done(&r) || !pins)
        fail_msg("%s: an FCP %s", name, pins ? "with a broken object" : "without C6");
}

/* SELECTs it, finds its size and SFI in the FCP, and reads what the profile put there. */
static void visit(struct fixture *f, uint16_t file)
{
    const struct profile_file *e = &f->profile->p.files[file];
    struct span fcp, size, sfi;
    go_to(f, file);
    assert_true(tlv_find(span_of(f->response, f->response_len - 2), 0x62, &fcp));
    check_fcp(e->name, f->response_len - 2, fcp);
    if (profile_is_df(e->kind))
        return;
    assert_true(tlv_find(fcp, 0x80, &size) && tlv_find(fcp, 0x88, &sfi));
    uint32_t octets = 0;
    for (size_t i = 0; i < size.n; i++)
        octets = octets << 8 | size.p[i];
    assert_int_equal(octets, e->kind == FILE_BERTLV ? octets : e->size);
    assert_int_equal(sfi.n, e->sfi != 0);
    if (sfi.n == 1)
        assert_int_equal(sfi.p[0], e->sfi << 3);
    if (e->kind == FILE_BERTLV ||
        f->profile->p.files[e->link != 0 ? e->link : e - f->profile->p.files].fill != FILL_CONTENT)
        return;
    size_t n = e->record_len != 0 ? e->record_len : e->size > 200 ? 200 : e->size;
    uint8_t read[] = {0x00, e->record_len != 0 ? 0xB2 : 0xB0, e->record_len != 0, e->record_len != 0 ? 4 : 0,
                      (uint8_t)n};
    uint16_t sw = fixture_transmit(f, span_of(read, 5), true);
    if (sw != 0x9000)
        fail_msg("%s: READ: %04X", e->name, sw);
    assert_int_equal(f->response_len, n + 2);
    if (memcmp(f->response, e->content.p, n) != 0)
        fail_msg("%s: not what the profile has", e->name);
}

static void test_every_file(void **state)
{
    (void)state;
    for (size_t i = 0; i < PROFILES; i++) {
        struct fixture f;
        fixture_open(&f, profiles[i]);
        exchange(&f, "0020000A083132333435363738", "9000");
        for (uint16_t k = 0; k < f.profile->p.n_files; k++)
            visit(&f, k);
        fixture_close(&f);
    }
}

/* Nothing that only ADM1 may read is read without it. */
static void test_protected(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, "sja5");
    uint16_t key = find(&f.profile->p, "MF/ADF.USIM/EF.USIM_AUTH_KEY");
    go_to(&f, key);
    apdu(&f, "00B0000021", "6982");
    exchange(&f, "0020000A083132333435363738", "9000");
    go_to(&f, key);
    exchange(&f, "00B0000021", "14*");
    fixture_close(&f);
}

/* A BER-TLV file that the profile fills: its objects are there, change, go and come back. */
static void test_ber_tlv(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, "usim");
    exchange(&f, "0020000A083132333435363738", "9000");
    go_to(&f, find(&f.profile->p, "MF/ADF.ISIM/EF.IMSConfigData"));
    exchange(&f, "80CB0080015C", "5C0280819000");
    exchange(&f, "80CB00800180", "8001009000");
    exchange(&f, "80DB008003800101", "9000");
    exchange(&f, "80DB008003850102", "9000");
    exchange(&f, "80DB00800181", "9000");
    exchange(&f, "80CB0080015C", "5C0280859000");
    exchange(&f, "80CB00800180", "8001019000");
    exchange(&f, "80DB00800180", "9000");
    exchange(&f, "80DB00800185", "9000");
    exchange(&f, "80CB0080015C", "5C009000");
    exchange(&f, "80DB008003800100", "9000");
    exchange(&f, "80CB00800180", "8001009000");
    go_to(&f, find(&f.profile->p, "MF/DF.TELECOM/DF.MCS/EF.MCS_CONFIG"));
    exchange(&f, "80CB0080015C", "5C009000");
    exchange(&f, "80DB008003800100", "9000");
    exchange(&f, "80CB0080015C", "5C01809000");
    fixture_close(&f);
}

/* What the tables announce: GET IDENTITY with the null scheme, GBA, both applications' AUTHENTICATE; m2m has
 * no GSM access. */
static void test_services_work(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, "usim");
    assert_int_equal(fixture_authenticate(&f, 0, 32), 0xDB);
    exchange(&f, "8078000100", "A1 0D 01 00F110 F0FF 00 00 1032547608 9000");
    fixture_close(&f);
    fixture_open(&f, "m2m");
    assert_int_equal(fixture_authenticate(&f, 0, 32), 0xDB);
    exchange(&f, "8078000100", "69*");
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_list),        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_known_files), cmocka_unit_test(test_complete),
        cmocka_unit_test(test_services),    cmocka_unit_test(test_sim_services),
        cmocka_unit_test(test_directory),   cmocka_unit_test(test_size),
        cmocka_unit_test(test_objects),     cmocka_unit_test(test_phone_books),
        cmocka_unit_test(test_every_file),  cmocka_unit_test(test_protected),
        cmocka_unit_test(test_ber_tlv),     cmocka_unit_test(test_services_work),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
