/* SPDX-License-Identifier: Apache-2.0
 *
 * Clauses are those of TCA "eUICC Profile Package: Interoperable Format", annex A (9.1 and on),
 * version 3.3.1; what differs in an older version of a template stands in `variants`. FIDs and SFIs are those
 * of ETSI TS 102 221 and 3GPP TS 31.102 and TS 31.103.
 */
#include "upp_templates.h"

#include "profile.h"

/* A literal without its NUL. */
#define FILL(text, at_end)                                                                                   \
    {                                                                                                        \
        text, sizeof(text) - 1, at_end                                                                       \
    }
#define NO_FILL                                                                                              \
    {                                                                                                        \
        "", 0, 0                                                                                             \
    }

/* clang-format off: one file, one line */
/* DF.PHONEBOOK, below its directory: in DF.TELECOM and in the USIM (9.4, 9.5.3). */
#define PHONEBOOK_FILES                                                                                      \
    {"ef-pbr", "EF.PBR", FILE_LINEAR, 0x4F30, 0x00, 2, 0, 0, 0, NO_FILL},                                    \
        {"ef-ext1", "EF.EXT1", FILE_LINEAR, 0x4F38, 0x00, 5, 0, 13, ROW_MANY, FILL("\x00\xFF", 0)},          \
        {"ef-aas", "EF.AAS", FILE_LINEAR, 0x4F40, 0x00, 5, 0, 0, ROW_MANY, FILL("\xFF", 0)},                 \
        {"ef-gas", "EF.GAS", FILE_LINEAR, 0x4F48, 0x00, 5, 0, 0, ROW_MANY, FILL("\xFF", 0)},                 \
        {"ef-psc", "EF.PSC", FILE_TRANSPARENT, 0x4F22, 0x00, 5, 0, 4, 0, FILL("\x00", 0)},                   \
        {"ef-cc", "EF.CC", FILE_TRANSPARENT, 0x4F23, 0x00, 5, 0, 2, ROW_HIGH, FILL("\x00", 0)},              \
        {"ef-puid", "EF.PUID", FILE_TRANSPARENT, 0x4F24, 0x00, 5, 0, 2, ROW_HIGH, FILL("\x00", 0)},          \
        {"ef-iap", "EF.IAP", FILE_LINEAR, 0x4F50, 0x00, 5, 0, 0, ROW_MANY, FILL("\xFF", 0)},                 \
        {"ef-adn", "EF.ADN", FILE_LINEAR, 0x4F58, 0x00, 5, 0, 0, ROW_MANY, FILL("\xFF", 0)},                 \
        {"ef-pbc", "EF.PBC", FILE_LINEAR, 0x4F60, 0x00, 5, 0, 2, ROW_MANY, FILL("\x00", 0)},                 \
        {"ef-anr", "EF.ANR", FILE_LINEAR, 0x4F68, 0x00, 5, 0, 0, ROW_MANY, FILL("\xFF", 0)},                 \
        {"ef-puri", "EF.PURI", FILE_LINEAR, 0x4F70, 0x00, 5, 0, 0, ROW_MANY, NO_FILL},                       \
        {"ef-email", "EF.EMAIL", FILE_LINEAR, 0x4F78, 0x00, 5, 0, 0, ROW_MANY, FILL("\xFF", 0)},             \
        {"ef-sne", "EF.SNE", FILE_LINEAR, 0x4F80, 0x00, 5, 0, 0, ROW_MANY, FILL("\xFF", 0)},                 \
        {"ef-uid", "EF.UID", FILE_LINEAR, 0x4F88, 0x00, 5, 0, 2, ROW_MANY, FILL("\x00", 0)},                 \
        {"ef-grp", "EF.GRP", FILE_LINEAR, 0x4F90, 0x00, 5, 0, 0, ROW_MANY, FILL("\x00", 0)},                 \
        {"ef-ccp1", "EF.CCP1", FILE_LINEAR, 0x4F98, 0x00, 5, 0, 0, ROW_MANY, FILL("\xFF", 0)},

/* 9.2, ETSI TS 102 221 13 */
static const struct upp_row mf[] = {
    {"mf", "MF", FILE_MF, 0x3F00, 0x00, 14, 0, 0, ROW_NEEDED, NO_FILL},
    {"ef-pl", "EF.PL", FILE_TRANSPARENT, 0x2F05, 0x05, 1, 0, 2, 0, FILL("\xFF", 0)},
    {"ef-iccid", "EF.ICCID", FILE_TRANSPARENT, 0x2FE2, 0x00, 11, 0, 10, ROW_NEEDED, NO_FILL},
    {"ef-dir", "EF.DIR", FILE_LINEAR, 0x2F00, 0x1E, 10, 0, 0, ROW_NEEDED, NO_FILL},
    {"ef-arr", "EF.ARR", FILE_LINEAR, 0x2F06, 0x00, 10, 0, 0, ROW_NEEDED, NO_FILL},
    {"ef-umpc", "EF.UMPC", FILE_TRANSPARENT, 0x2F08, 0x08, 10, 0, 5, 0, NO_FILL},
};

/* 9.3 */
static const struct upp_row cd[] = {
    {"df-cd", "DF.CD", FILE_DF, 0x7F11, 0x00, 14, 0, 0, ROW_NEEDED, NO_FILL},
    {"ef-launchpad", "EF.LAUNCHPAD", FILE_TRANSPARENT, 0x6F01, 0x00, 2, 0, 0, 0, NO_FILL},
    {"ef-icon", "EF.ICON", FILE_TRANSPARENT, 0x6F40, 0x00, 2, 0, 0, ROW_MANY, NO_FILL},
};

/* 9.4 */
static const struct upp_row telecom[] = {
    {"df-telecom", "DF.TELECOM", FILE_DF, 0x7F10, 0x00, 14, 0, 0, ROW_NEEDED, NO_FILL},
    {"ef-arr", "EF.ARR", FILE_LINEAR, 0x6F06, 0x00, 10, 0, 0, 0, NO_FILL},
    {"ef-rma", "EF.RMA", FILE_LINEAR, 0x6F53, 0x00, 3, 0, 0, 0, NO_FILL},
    {"ef-sume", "EF.SUME", FILE_TRANSPARENT, 0x6F54, 0x00, 3, 0, 22, 0, NO_FILL},
    {"ef-ice-dn", "EF.ICE_DN", FILE_LINEAR, 0x6FE0, 0x00, 9, 50, 24, 0, FILL("\xFF", 0)},
    {"ef-ice-ff", "EF.ICE_FF", FILE_LINEAR, 0x6FE1, 0x00, 9, 0, 0, 0, FILL("\xFF", 0)},
    {"ef-psismsc", "EF.PSISMSC", FILE_LINEAR, 0x6FE5, 0x00, 5, 0, 0, 0, NO_FILL},
    {"df-graphics", "DF.GRAPHICS", FILE_DF, 0x5F50, 0x00, 14, 0, 0, 0, NO_FILL},
    {"ef-img", "EF.IMG", FILE_LINEAR, 0x4F20, 0x00, 2, 0, 0, 0, FILL("\x00\xFF", 0)},
    {"ef-iidf", "EF.IIDF", FILE_TRANSPARENT, 0x4F40, 0x00, 2, 0, 0, ROW_MANY, FILL("\xFF", 0)},
    {"ef-ice-graphics", "EF.ICE_GRAPHICS", FILE_BERTLV, 0x4F21, 0x00, 9, 0, 0, 0, NO_FILL},
    {"ef-launch-scws", "EF.LAUNCH_SCWS", FILE_TRANSPARENT, 0x4F01, 0x00, 10, 0, 0, 0, NO_FILL},
    {"ef-icon", "EF.ICON", FILE_TRANSPARENT, 0x4F80, 0x00, 10, 0, 0, ROW_MANY, NO_FILL},
    {"df-phonebook", "DF.PHONEBOOK", FILE_DF, 0x5F3A, 0x00, 14, 0, 0, 0, NO_FILL},
    PHONEBOOK_FILES{"df-multimedia", "DF.MULTIMEDIA", FILE_DF, 0x5F3B, 0x00, 14, 0, 0, 0, NO_FILL},
    {"ef-mml", "EF.MML", FILE_BERTLV, 0x4F47, 0x00, 5, 0, 0, 0, NO_FILL},
    {"ef-mmdf", "EF.MMDF", FILE_BERTLV, 0x4F48, 0x00, 5, 0, 0, 0, NO_FILL},
    {"df-mmss", "DF.MMSS", FILE_DF, 0x5F3C, 0x00, 14, 0, 0, 0, NO_FILL},
    {"ef-mlpl", "EF.MLPL", FILE_TRANSPARENT, 0x4F20, 0x01, 2, 0, 0, 0, NO_FILL},
    {"ef-mspl", "EF.MSPL", FILE_TRANSPARENT, 0x4F21, 0x02, 2, 0, 0, 0, NO_FILL},
    {"ef-mmssmode", "EF.MMSSMODE", FILE_TRANSPARENT, 0x4F22, 0x03, 2, 0, 1, 0, NO_FILL},
    {"df-mcs", "DF.MCS", FILE_DF, 0x5F3D, 0x00, 14, 0, 0, 0, NO_FILL},
    {"ef-mst", "EF.MST", FILE_TRANSPARENT, 0x4F01, 0x01, 2, 0, 0, 0, NO_FILL},
    {"ef-mcs-config", "EF.MCS_CONFIG", FILE_BERTLV, 0x4F02, 0x02, 2, 0, 0, 0, NO_FILL},
    {"df-v2x", "DF.V2X", FILE_DF, 0x5F3E, 0x00, 14, 0, 0, 0, NO_FILL},
    {"ef-vst", "EF.VST", FILE_TRANSPARENT, 0x4F01, 0x01, 2, 0, 0, 0, NO_FILL},
    {"ef-v2x-config", "EF.V2X_CONFIG", FILE_BERTLV, 0x4F02, 0x02, 2, 0, 0, 0, NO_FILL},
    {"ef-v2xp-pc5", "EF.V2XP_PC5", FILE_TRANSPARENT, 0x4F03, 0x00, 2, 0, 0, 0, NO_FILL},
    {"ef-v2xp-Uu", "EF.V2XP_Uu", FILE_TRANSPARENT, 0x4F04, 0x00, 2, 0, 0, 0, NO_FILL},
};

/* 9.5.1 */
static const struct upp_row usim[] = {
    {"adf-usim", "ADF.USIM", FILE_ADF, 0x0000, 0x00, 14, 0, 0, ROW_NEEDED, NO_FILL},
    {"ef-imsi", "EF.IMSI", FILE_TRANSPARENT, 0x6F07, 0x07, 2, 0, 9, ROW_NEEDED, NO_FILL},
    {"ef-arr", "EF.ARR", FILE_LINEAR, 0x6F06, 0x17, 10, 0, 0, ROW_NEEDED, NO_FILL},
    {"ef-keys", "EF.Keys", FILE_TRANSPARENT, 0x6F08, 0x08, 5, 0, 33, ROW_HIGH, FILL("\x07\xFF", 0)},
    {"ef-keysPS", "EF.KeysPS", FILE_TRANSPARENT, 0x6F09, 0x09, 5, 0, 33, ROW_HIGH, FILL("\x07\xFF", 0)},
    {"ef-hpplmn", "EF.HPPLMN", FILE_TRANSPARENT, 0x6F31, 0x12, 2, 0, 1, 0, FILL("\x0A", 0)},
    {"ef-ust", "EF.UST", FILE_TRANSPARENT, 0x6F38, 0x04, 2, 0, 14, ROW_NEEDED, NO_FILL},
    {"ef-fdn", "EF.FDN", FILE_LINEAR, 0x6F3B, 0x00, 8, 20, 26, 0, FILL("\xFF", 0)},
    {"ef-sms", "EF.SMS", FILE_LINEAR, 0x6F3C, 0x00, 5, 10, 176, 0, FILL("\x00\xFF", 0)},
    {"ef-smsp", "EF.SMSP", FILE_LINEAR, 0x6F42, 0x00, 5, 1, 38, 0, FILL("\xFF", 0)},
    {"ef-smss", "EF.SMSS", FILE_TRANSPARENT, 0x6F43, 0x00, 5, 0, 2, 0, FILL("\xFF", 0)},
    {"ef-spn", "EF.SPN", FILE_TRANSPARENT, 0x6F46, 0x00, 10, 0, 17, ROW_NEEDED, NO_FILL},
    {"ef-est", "EF.EST", FILE_TRANSPARENT, 0x6F56, 0x05, 8, 0, 1, ROW_NEEDED, NO_FILL},
    {"ef-start-hfn", "EF.START-HFN", FILE_TRANSPARENT, 0x6F5B, 0x0F, 5, 0, 6, ROW_HIGH,
     FILL("\xF0\x00\x00\xF0\x00", 0)},
    {"ef-threshold", "EF.THRESHOLD", FILE_TRANSPARENT, 0x6F5C, 0x10, 2, 0, 3, 0, FILL("\xFF", 0)},
    {"ef-psloci", "EF.PSLOCI", FILE_TRANSPARENT, 0x6F73, 0x0C, 5, 0, 14, ROW_HIGH,
     FILL("\xFF\x00\x00\xFF\x01", 4)},
    {"ef-acc", "EF.ACC", FILE_TRANSPARENT, 0x6F78, 0x06, 2, 0, 2, ROW_NEEDED, NO_FILL},
    {"ef-fplmn", "EF.FPLMN", FILE_TRANSPARENT, 0x6F7B, 0x0D, 5, 0, 12, 0, FILL("\xFF", 0)},
    {"ef-loci", "EF.LOCI", FILE_TRANSPARENT, 0x6F7E, 0x0B, 5, 0, 11, ROW_HIGH,
     FILL("\xFF\x00\x00\xFF\x01", 4)},
    {"ef-ad", "EF.AD", FILE_TRANSPARENT, 0x6FAD, 0x03, 10, 0, 4, 0, FILL("\x00\x02", 1)},
    {"ef-ecc", "EF.ECC", FILE_LINEAR, 0x6FB7, 0x01, 10, 1, 4, ROW_NEEDED, NO_FILL},
    {"ef-netpar", "EF.NETPAR", FILE_TRANSPARENT, 0x6FC4, 0x00, 5, 0, 128, ROW_HIGH, FILL("\xFF", 0)},
    {"ef-epsloci", "EF.EPSLOCI", FILE_TRANSPARENT, 0x6FE3, 0x1E, 5, 0, 18, ROW_HIGH,
     FILL("\xFF\x00\x00\x01", 3)},
    {"ef-epsnsc", "EF.EPSNSC", FILE_LINEAR, 0x6FE4, 0x18, 5, 1, 80, ROW_HIGH, FILL("\xFF", 0)},
};

/* 9.5.2 */
static const struct upp_row opt_usim[] = {
    {"ef-li", "EF.LI", FILE_TRANSPARENT, 0x6F05, 0x02, 1, 0, 6, 0, FILL("\xFF", 0)},
    {"ef-acmax", "EF.ACMmax", FILE_TRANSPARENT, 0x6F37, 0x00, 5, 0, 3, 0, FILL("\x00", 0)},
    {"ef-acm", "EF.ACM", FILE_CYCLIC, 0x6F39, 0x00, 7, 1, 3, ROW_HIGH, FILL("\x00", 0)},
    {"ef-gid1", "EF.GID1", FILE_TRANSPARENT, 0x6F3E, 0x00, 2, 0, 8, 0, NO_FILL},
    {"ef-gid2", "EF.GID2", FILE_TRANSPARENT, 0x6F3F, 0x00, 2, 0, 8, 0, NO_FILL},
    {"ef-msisdn", "EF.MSISDN", FILE_LINEAR, 0x6F40, 0x00, 2, 1, 24, 0, FILL("\xFF", 0)},
    {"ef-puct", "EF.PUCT", FILE_TRANSPARENT, 0x6F41, 0x00, 5, 0, 5, ROW_REPEAT,
     FILL("\xFF\xFF\xFF\x00\x00", 0)},
    {"ef-cbmi", "EF.CBMI", FILE_TRANSPARENT, 0x6F45, 0x00, 5, 0, 10, 0, FILL("\xFF", 0)},
    {"ef-cbmid", "EF.CBMID", FILE_TRANSPARENT, 0x6F48, 0x0E, 2, 0, 10, 0, FILL("\xFF", 0)},
    {"ef-sdn", "EF.SDN", FILE_LINEAR, 0x6F49, 0x00, 2, 10, 24, 0, FILL("\xFF", 0)},
    {"ef-ext2", "EF.EXT2", FILE_LINEAR, 0x6F4B, 0x00, 8, 10, 13, 0, FILL("\x00\xFF", 0)},
    {"ef-ext3", "EF.EXT3", FILE_LINEAR, 0x6F4C, 0x00, 2, 10, 13, 0, FILL("\x00\xFF", 0)},
    {"ef-cbmir", "EF.CBMIR", FILE_TRANSPARENT, 0x6F50, 0x00, 5, 0, 20, 0, FILL("\xFF", 0)},
    {"ef-plmnwact", "EF.PLMNwAcT", FILE_TRANSPARENT, 0x6F60, 0x0A, 5, 0, 40, ROW_REPEAT,
     FILL("\xFF\xFF\xFF\x00\x00", 0)},
    {"ef-oplmnwact", "EF.OPLMNwAcT", FILE_TRANSPARENT, 0x6F61, 0x11, 2, 0, 40, ROW_REPEAT,
     FILL("\xFF\xFF\xFF\x00\x00", 0)},
    {"ef-hplmnwact", "EF.HPLMNwAcT", FILE_TRANSPARENT, 0x6F62, 0x13, 2, 0, 5, ROW_REPEAT,
     FILL("\xFF\xFF\xFF\x00\x00", 0)},
    {"ef-dck", "EF.DCK", FILE_TRANSPARENT, 0x6F2C, 0x00, 5, 0, 16, 0, FILL("\xFF", 0)},
    {"ef-cnl", "EF.CNL", FILE_TRANSPARENT, 0x6F32, 0x00, 2, 0, 30, 0, FILL("\xFF", 0)},
    {"ef-smsr", "EF.SMSR", FILE_LINEAR, 0x6F47, 0x00, 5, 10, 30, 0, FILL("\x00\xFF", 0)},
    {"ef-bdn", "EF.BDN", FILE_LINEAR, 0x6F4D, 0x00, 8, 10, 25, 0, FILL("\xFF", 0)},
    {"ef-ext5", "EF.EXT5", FILE_LINEAR, 0x6F4E, 0x00, 5, 10, 13, 0, FILL("\x00\xFF", 0)},
    {"ef-ccp2", "EF.CCP2", FILE_LINEAR, 0x6F4F, 0x16, 5, 5, 15, 0, FILL("\xFF", 0)},
    {"ef-ext4", "EF.EXT4", FILE_LINEAR, 0x6F55, 0x00, 8, 10, 13, 0, FILL("\x00\xFF", 0)},
    {"ef-acl", "EF.ACL", FILE_TRANSPARENT, 0x6F57, 0x00, 8, 0, 101, 0, FILL("\x00\xFF", 0)},
    {"ef-cmi", "EF.CMI", FILE_LINEAR, 0x6F58, 0x00, 2, 10, 11, 0, FILL("\xFF", 0)},
    {"ef-ici", "EF.ICI", FILE_CYCLIC, 0x6F80, 0x14, 5, 20, 38, ROW_HIGH,
     FILL("\xFF\x00\x00\x00\x00\x01\xFF\xFF", 7)},
    {"ef-oci", "EF.OCI", FILE_CYCLIC, 0x6F81, 0x15, 5, 20, 37, ROW_HIGH,
     FILL("\xFF\x00\x00\x00\x01\xFF\xFF", 6)},
    {"ef-ict", "EF.ICT", FILE_CYCLIC, 0x6F82, 0x00, 7, 1, 3, ROW_HIGH, FILL("\x00", 0)},
    {"ef-oct", "EF.OCT", FILE_CYCLIC, 0x6F83, 0x00, 7, 1, 3, ROW_HIGH, FILL("\x00", 0)},
    {"ef-vgcs", "EF.VGCS", FILE_TRANSPARENT, 0x6FB1, 0x00, 2, 0, 20, 0, NO_FILL},
    {"ef-vgcss", "EF.VGCSS", FILE_TRANSPARENT, 0x6FB2, 0x00, 5, 0, 7, 0, NO_FILL},
    {"ef-vbs", "EF.VBS", FILE_TRANSPARENT, 0x6FB3, 0x00, 2, 0, 20, 0, NO_FILL},
    {"ef-vbss", "EF.VBSS", FILE_TRANSPARENT, 0x6FB4, 0x00, 5, 0, 7, 0, NO_FILL},
    {"ef-emlpp", "EF.eMLPP", FILE_TRANSPARENT, 0x6FB5, 0x00, 2, 0, 2, 0, NO_FILL},
    {"ef-aaem", "EF.AAeM", FILE_TRANSPARENT, 0x6FB6, 0x00, 5, 0, 1, 0, FILL("\x00", 0)},
    {"ef-hiddenkey", "EF.HiddenKey", FILE_TRANSPARENT, 0x6FC3, 0x00, 5, 0, 4, 0, FILL("\xFF", 0)},
    {"ef-pnn", "EF.PNN", FILE_LINEAR, 0x6FC5, 0x19, 10, 10, 16, 0, NO_FILL},
    {"ef-opl", "EF.OPL", FILE_LINEAR, 0x6FC6, 0x1A, 10, 5, 8, 0, NO_FILL},
    {"ef-mbdn", "EF.MBDN", FILE_LINEAR, 0x6FC7, 0x00, 5, 3, 24, 0, NO_FILL},
    {"ef-ext6", "EF.EXT6", FILE_LINEAR, 0x6FC8, 0x00, 5, 10, 13, 0, FILL("\x00\xFF", 0)},
    {"ef-mbi", "EF.MBI", FILE_LINEAR, 0x6FC9, 0x00, 5, 10, 5, 0, NO_FILL},
    {"ef-mwis", "EF.MWIS", FILE_LINEAR, 0x6FCA, 0x00, 5, 10, 6, ROW_HIGH, FILL("\x00", 0)},
    {"ef-cfis", "EF.CFIS", FILE_LINEAR, 0x6FCB, 0x00, 5, 10, 16, 0, FILL("\x01\x00\xFF", 0)},
    {"ef-ext7", "EF.EXT7", FILE_LINEAR, 0x6FCC, 0x00, 5, 10, 13, 0, FILL("\x00\xFF", 0)},
    {"ef-spdi", "EF.SPDI", FILE_TRANSPARENT, 0x6FCD, 0x1B, 2, 0, 17, 0, NO_FILL},
    {"ef-mmsn", "EF.MMSN", FILE_LINEAR, 0x6FCE, 0x00, 5, 10, 6, 0, FILL("\x00\x00\x00\xFF", 0)},
    {"ef-ext8", "EF.EXT8", FILE_LINEAR, 0x6FCF, 0x00, 5, 10, 13, 0, FILL("\x00\xFF", 0)},
    {"ef-mmsicp", "EF.MMSICP", FILE_TRANSPARENT, 0x6FD0, 0x00, 2, 0, 100, 0, FILL("\xFF", 0)},
    {"ef-mmsup", "EF.MMSUP", FILE_LINEAR, 0x6FD1, 0x00, 5, 0, 0, 0, FILL("\xFF", 0)},
    {"ef-mmsucp", "EF.MMSUCP", FILE_TRANSPARENT, 0x6FD2, 0x00, 5, 0, 100, 0, FILL("\xFF", 0)},
    {"ef-nia", "EF.NIA", FILE_LINEAR, 0x6FD3, 0x00, 2, 5, 11, 0, FILL("\xFF", 0)},
    {"ef-vgcsca", "EF.VGCSCA", FILE_TRANSPARENT, 0x6FD4, 0x00, 2, 0, 0, 0, FILL("\x00", 0)},
    {"ef-vbsca", "EF.VBSCA", FILE_TRANSPARENT, 0x6FD5, 0x00, 2, 0, 0, 0, FILL("\x00", 0)},
    {"ef-gbabp", "EF.GBABP", FILE_TRANSPARENT, 0x6FD6, 0x00, 5, 0, 0, 0, FILL("\xFF", 0)},
    {"ef-msk", "EF.MSK", FILE_LINEAR, 0x6FD7, 0x00, 2, 0, 0, ROW_HIGH, FILL("\xFF", 0)},
    {"ef-muk", "EF.MUK", FILE_LINEAR, 0x6FD8, 0x00, 2, 0, 0, 0, FILL("\xFF", 0)},
    {"ef-ehplmn", "EF.EHPLMN", FILE_TRANSPARENT, 0x6FD9, 0x1D, 2, 0, 15, 0, FILL("\xFF", 0)},
    {"ef-gbanl", "EF.GBANL", FILE_LINEAR, 0x6FDA, 0x00, 2, 0, 0, 0, FILL("\xFF", 0)},
    {"ef-ehplmnpi", "EF.EHPLMNPI", FILE_TRANSPARENT, 0x6FDB, 0x00, 2, 0, 1, 0, FILL("\x00", 0)},
    {"ef-lrplmnsi", "EF.LRPLMNSI", FILE_TRANSPARENT, 0x6FDC, 0x00, 2, 0, 1, 0, FILL("\x00", 0)},
    {"ef-nafkca", "EF.NAFKCA", FILE_LINEAR, 0x6FDD, 0x00, 2, 0, 0, 0, FILL("\xFF", 0)},
    {"ef-spni", "EF.SPNI", FILE_TRANSPARENT, 0x6FDE, 0x00, 10, 0, 0, 0, FILL("\x00\xFF", 0)},
    {"ef-pnni", "EF.PNNI", FILE_LINEAR, 0x6FDF, 0x00, 10, 0, 0, 0, FILL("\x00\xFF", 0)},
    {"ef-ncp-ip", "EF.NCP-IP", FILE_LINEAR, 0x6FE2, 0x00, 2, 0, 0, 0, NO_FILL},
    {"ef-ufc", "EF.UFC", FILE_TRANSPARENT, 0x6FE6, 0x00, 10, 0, 30, 0,
     FILL("\x80\x1E\x60\xC0\x1E\x90\x00\x80\x04\x00\x00\x00\x00\x00\x00\x00\x00\xF0\x00\x00\x00\x00\x40\x00"
          "\x00\x00\x00\x00\x00\x80",
          0)},
    {"ef-nasconfig", "EF.NASCONFIG", FILE_TRANSPARENT, 0x6FE8, 0x00, 2, 0, 18, 0, NO_FILL},
    {"ef-uicciari", "EF.UICCIARI", FILE_LINEAR, 0x6FE7, 0x00, 2, 0, 0, 0, NO_FILL},
    {"ef-pws", "EF.PWS", FILE_TRANSPARENT, 0x6FEC, 0x00, 10, 0, 0, 0, NO_FILL},
    {"ef-fdnuri", "EF.FDNURI", FILE_LINEAR, 0x6FED, 0x00, 8, 0, 0, 0, FILL("\xFF", 0)},
    {"ef-bdnuri", "EF.BDNURI", FILE_LINEAR, 0x6FEE, 0x00, 8, 0, 0, 0, FILL("\xFF", 0)},
    {"ef-sdnuri", "EF.SDNURI", FILE_LINEAR, 0x6FEF, 0x00, 2, 0, 0, 0, FILL("\xFF", 0)},
    {"ef-ial", "EF.IAL", FILE_LINEAR, 0x6FF0, 0x00, 3, 0, 0, 0, FILL("\xFF", 0)},
    {"ef-ips", "EF.IPS", FILE_CYCLIC, 0x6FF1, 0x00, 10, 0, 4, ROW_HIGH, FILL("\xFF", 0)},
    {"ef-ipd", "EF.IPD", FILE_LINEAR, 0x6FF2, 0x00, 3, 0, 0, ROW_HIGH, FILL("\xFF", 0)},
    {"ef-epdgid", "EF.ePDGId", FILE_TRANSPARENT, 0x6FF3, 0x00, 2, 0, 0, 0, NO_FILL},
    {"ef-epdgselection", "EF.ePDGSelection", FILE_TRANSPARENT, 0x6FF4, 0x00, 2, 0, 0, 0, NO_FILL},
    {"ef-epdgidem", "EF.ePDGIdEm", FILE_TRANSPARENT, 0x6FF5, 0x00, 2, 0, 0, 0, NO_FILL},
    {"ef-epdgselectionem", "EF.ePDGSelectionEm", FILE_TRANSPARENT, 0x6FF6, 0x00, 2, 0, 0, 0, NO_FILL},
    {"ef-frompreferred", "EF.FromPreferred", FILE_TRANSPARENT, 0x6FF7, 0x00, 2, 0, 1, 0, FILL("\x00", 0)},
    {"ef-imsconfigdata", "EF.IMSConfigData", FILE_BERTLV, 0x6FF8, 0x00, 2, 0, 0, 0, NO_FILL},
    {"ef-3gpppsdataoff", "EF.3GPPPSDataOff", FILE_TRANSPARENT, 0x6FF9, 0x00, 2, 0, 4, 0, NO_FILL},
    {"ef-3gpppsdataoffservicelist", "EF.3GPPPSDATAOFFservicelist", FILE_LINEAR, 0x6FFA, 0x00, 2, 0, 0, 0,
     NO_FILL},
    {"ef-xcapconfigdata", "EF.XCAPConfigData", FILE_BERTLV, 0x6FFC, 0x00, 2, 0, 0, 0, NO_FILL},
    {"ef-earfcnlist", "EF.EARFCNList", FILE_TRANSPARENT, 0x6FFD, 0x00, 10, 0, 0, 0, NO_FILL},
    {"ef-mudmidconfigdata", "EF.MuDMiDConfigData", FILE_BERTLV, 0x6FFE, 0x00, 2, 0, 0, 0, NO_FILL},
    {"ef-eaka", "EF.eAKA", FILE_TRANSPARENT, 0x6F01, 0x00, 3, 0, 1, 0, NO_FILL},
};

/* 9.6.1 */
static const struct upp_row isim[] = {
    {"adf-isim", "ADF.ISIM", FILE_ADF, 0x0000, 0x00, 14, 0, 0, ROW_NEEDED, NO_FILL},
    {"ef-impi", "EF.IMPI", FILE_TRANSPARENT, 0x6F02, 0x02, 2, 0, 0, ROW_NEEDED, NO_FILL},
    {"ef-impu", "EF.IMPU", FILE_LINEAR, 0x6F04, 0x04, 2, 1, 0, ROW_NEEDED, NO_FILL},
    {"ef-domain", "EF.DOMAIN", FILE_TRANSPARENT, 0x6F03, 0x05, 2, 0, 0, ROW_NEEDED, NO_FILL},
    {"ef-ist", "EF.IST", FILE_TRANSPARENT, 0x6F07, 0x07, 2, 0, 14, ROW_NEEDED, NO_FILL},
    {"ef-ad", "EF.AD", FILE_TRANSPARENT, 0x6FAD, 0x03, 10, 0, 3, 0, FILL("\x00", 0)},
    {"ef-arr", "EF.ARR", FILE_LINEAR, 0x6F06, 0x06, 10, 0, 0, ROW_NEEDED, NO_FILL},
};

/* 9.6.2 */
static const struct upp_row opt_isim[] = {
    {"ef-pcscf", "EF.P-CSCF", FILE_LINEAR, 0x6F09, 0x00, 2, 1, 0, 0, NO_FILL},
    {"ef-sms", "EF.SMS", FILE_LINEAR, 0x6F3C, 0x00, 5, 10, 176, 0, FILL("\x00\xFF", 0)},
    {"ef-smsp", "EF.SMSP", FILE_LINEAR, 0x6F42, 0x00, 5, 1, 38, 0, FILL("\xFF", 0)},
    {"ef-smss", "EF.SMSS", FILE_TRANSPARENT, 0x6F43, 0x00, 5, 0, 2, 0, FILL("\xFF", 0)},
    {"ef-smsr", "EF.SMSR", FILE_LINEAR, 0x6F47, 0x00, 5, 10, 30, 0, FILL("\x00\xFF", 0)},
    {"ef-gbabp", "EF.GBABP", FILE_TRANSPARENT, 0x6FD5, 0x00, 5, 0, 0, 0, FILL("\xFF", 0)},
    {"ef-gbanl", "EF.GBANL", FILE_LINEAR, 0x6FD7, 0x00, 2, 0, 0, 0, FILL("\xFF", 0)},
    {"ef-nafkca", "EF.NAFKCA", FILE_LINEAR, 0x6FDD, 0x00, 2, 0, 0, 0, FILL("\xFF", 0)},
    {"ef-uicciari", "EF.UICCIARI", FILE_LINEAR, 0x6FE7, 0x00, 2, 0, 0, 0, NO_FILL},
    {"ef-frompreferred", "EF.FromPreferred", FILE_TRANSPARENT, 0x6FF7, 0x00, 2, 0, 1, 0, FILL("\x00", 0)},
    {"ef-imsconfigdata", "EF.IMSConfigData", FILE_BERTLV, 0x6FF8, 0x00, 2, 0, 0, 0, NO_FILL},
    {"ef-xcapconfigdata", "EF.XCAPConfigData", FILE_BERTLV, 0x6FFC, 0x00, 2, 0, 0, 0, NO_FILL},
    {"ef-webrtcuri", "EF.WebRTCURI", FILE_LINEAR, 0x6FFA, 0x00, 2, 0, 0, 0, NO_FILL},
    {"ef-mudmidconfigdata", "EF.MuDMiDConfigData", FILE_BERTLV, 0x6FFE, 0x00, 2, 0, 0, 0, NO_FILL},
};

/* 9.5.3 */
static const struct upp_row phonebook[] = {
    {"df-phonebook", "DF.PHONEBOOK", FILE_DF, 0x5F3A, 0x00, 14, 0, 0, ROW_NEEDED, NO_FILL}, PHONEBOOK_FILES};

/* 9.5.4 */
static const struct upp_row gsm_access[] = {
    {"df-gsm-access", "DF.GSM-ACCESS", FILE_DF, 0x5F3B, 0x00, 14, 0, 0, ROW_NEEDED, NO_FILL},
    {"ef-kc", "EF.Kc", FILE_TRANSPARENT, 0x4F20, 0x01, 5, 0, 9, ROW_HIGH, FILL("\xFF\x07", 1)},
    {"ef-kcgprs", "EF.KcGPRS", FILE_TRANSPARENT, 0x4F52, 0x02, 5, 0, 9, ROW_HIGH, FILL("\xFF\x07", 1)},
    {"ef-cpbcch", "EF.CPBCCH", FILE_TRANSPARENT, 0x4F63, 0x00, 5, 0, 10, ROW_HIGH, FILL("\xFF", 0)},
    {"ef-invscan", "EF.InvScan", FILE_TRANSPARENT, 0x4F64, 0x00, 2, 0, 1, 0, FILL("\x00", 0)},
};

/* 9.8 */
static const struct upp_row eap[] = {
    {"df-eap", "DF.EAP", FILE_DF, 0x0000, 0x00, 14, 0, 0, ROW_NEEDED, NO_FILL},
    {"ef-eapkeys", "EF.EAPKEYS", FILE_TRANSPARENT, 0x4F01, 0x00, 2, 0, 0, ROW_HIGH, NO_FILL},
    {"ef-eapstatus", "EF.EAPSTATUS", FILE_TRANSPARENT, 0x4F02, 0x00, 2, 0, 1, ROW_NEEDED | ROW_HIGH,
     FILL("\x00", 0)},
    {"ef-puid", "EF.PUId", FILE_TRANSPARENT, 0x4F03, 0x00, 2, 0, 0, 0, NO_FILL},
    {"ef-ps", "EF.Ps", FILE_TRANSPARENT, 0x4F04, 0x00, 5, 0, 0, ROW_HIGH, FILL("\xFF", 0)},
    {"ef-curid", "EF.CurID", FILE_TRANSPARENT, 0x4F20, 0x00, 5, 0, 0, ROW_HIGH, FILL("\xFF", 0)},
    {"ef-reid", "EF.RelID", FILE_TRANSPARENT, 0x4F21, 0x00, 5, 0, 0, 0, NO_FILL},
    {"ef-realm", "EF.Realm", FILE_TRANSPARENT, 0x4F22, 0x00, 5, 0, 0, 0, NO_FILL},
};

/* 9.5.11 */
static const struct upp_row df_5gs[] = {
    {"df-df-5gs", "DF.5GS", FILE_DF, 0x5FC0, 0x00, 14, 0, 0, ROW_NEEDED, NO_FILL},
    {"ef-5gs3gpploci", "EF.5GS3GPPLOCI", FILE_TRANSPARENT, 0x4F01, 0x01, 5, 0, 20, ROW_HIGH,
     FILL("\xFF\x00\x00\x00\x01", 4)},
    {"ef-5gsn3gpploci", "EF.5GSN3GPPLOCI", FILE_TRANSPARENT, 0x4F02, 0x02, 5, 0, 20, ROW_HIGH,
     FILL("\xFF\x00\x00\x00\x01", 4)},
    {"ef-5gs3gppnsc", "EF.5GS3GPPNSC", FILE_LINEAR, 0x4F03, 0x03, 5, 1, 57, ROW_HIGH, FILL("\xFF", 0)},
    {"ef-5gsn3gppnsc", "EF.5GSN3GPPNSC", FILE_LINEAR, 0x4F04, 0x04, 5, 1, 57, ROW_HIGH, FILL("\xFF", 0)},
    {"ef-5gauthkeys", "EF.5GAUTHKEYS", FILE_TRANSPARENT, 0x4F05, 0x05, 5, 0, 110, ROW_HIGH, NO_FILL},
    {"ef-uac-aic", "EF.UAC_AIC", FILE_TRANSPARENT, 0x4F06, 0x06, 2, 0, 4, 0, NO_FILL},
    {"ef-suci-calc-info", "EF.SUCI_Calc_Info", FILE_TRANSPARENT, 0x4F07, 0x07, 2, 0, 0, 0, FILL("\xFF", 0)},
    {"ef-opl5g", "EF.OPL5G", FILE_LINEAR, 0x4F08, 0x08, 10, 0, 10, 0, FILL("\xFF", 0)},
    {"ef-supinai", "EF.SUPI_NAI", FILE_TRANSPARENT, 0x4F09, 0x09, 2, 0, 0, 0, NO_FILL},
    {"ef-routing-indicator", "EF.Routing_Indicator", FILE_TRANSPARENT, 0x4F0A, 0x0A, 2, 0, 4, 0,
     FILL("\xF0\xFF", 0)},
    {"ef-ursp", "EF.URSP", FILE_BERTLV, 0x4F0B, 0x00, 2, 0, 0, 0, NO_FILL},
    {"ef-tn3gppsnn", "EF.TN3GPPSNN", FILE_TRANSPARENT, 0x4F0C, 0x0C, 2, 0, 1, 0, FILL("\x00", 0)},
    {"ef-cag", "EF.CAG", FILE_TRANSPARENT, 0x4F0D, 0x0D, 2, 0, 2, 0, NO_FILL},
    {"ef-sor-cmci", "EF.SOR-CMCI", FILE_TRANSPARENT, 0x4F0E, 0x0E, 2, 0, 0, 0, NO_FILL},
    {"ef-dri", "EF.DRI", FILE_TRANSPARENT, 0x4F0F, 0x0F, 2, 0, 7, 0, NO_FILL},
    {"ef-5gsedrx", "EF.5GSEDRX", FILE_TRANSPARENT, 0x4F10, 0x10, 2, 0, 2, 0, NO_FILL},
    {"ef-5gnswo-conf", "EF.5GNSWO_CONF", FILE_TRANSPARENT, 0x4F11, 0x11, 2, 0, 1, 0, NO_FILL},
    {"ef-mchpplmn", "EF.MCHPPLMN", FILE_TRANSPARENT, 0x4F15, 0x15, 2, 0, 1, 0, NO_FILL},
    {"ef-kausf-derivation", "EF.KAUSF_DERIVATION", FILE_TRANSPARENT, 0x4F16, 0x16, 2, 0, 1, 0, NO_FILL},
};

/* 9.5.12 */
static const struct upp_row df_saip[] = {
    {"df-df-saip", "DF.SAIP", FILE_DF, 0x5FD0, 0x00, 14, 0, 0, ROW_NEEDED, NO_FILL},
    {"ef-suci-calc-info-usim", "EF.SUCI_Calc_Info", FILE_TRANSPARENT, 0x4F01, 0x00, 3, 0, 0, 0,
     FILL("\xFF", 0)},
};

/* 9.5.13 */
static const struct upp_row df_snpn[] = {
    {"df-df-snpn", "DF.SNPN", FILE_DF, 0x5FE0, 0x00, 14, 0, 0, ROW_NEEDED, NO_FILL},
    {"ef-pws-snpn", "EF.PWS_SNPN", FILE_TRANSPARENT, 0x4F01, 0x00, 10, 0, 1, 0, NO_FILL},
};

/* 9.5.14 */
static const struct upp_row df_5gprose[] = {
    {"df-df-5g-prose", "DF.5G_ProSe", FILE_DF, 0x5FF0, 0x00, 14, 0, 0, ROW_NEEDED, NO_FILL},
    {"ef-5g-prose-st", "EF.5G_PROSE_ST", FILE_TRANSPARENT, 0x4F01, 0x01, 2, 0, 1, 0, NO_FILL},
    {"ef-5g-prose-dd", "EF.5G_PROSE_DD", FILE_TRANSPARENT, 0x4F02, 0x02, 2, 0, 26, 0, NO_FILL},
    {"ef-5g-prose-dc", "EF.5G_PROSE_DC", FILE_TRANSPARENT, 0x4F03, 0x03, 2, 0, 12, 0, NO_FILL},
    {"ef-5g-prose-u2nru", "EF.5G_PROSE_U2NRU", FILE_TRANSPARENT, 0x4F04, 0x04, 2, 0, 32, 0, NO_FILL},
    {"ef-5g-prose-ru", "EF.5G_PROSE_RU", FILE_TRANSPARENT, 0x4F05, 0x05, 2, 0, 29, 0, NO_FILL},
    {"ef-5g-prose-uir", "EF.5G_PROSE_UIR", FILE_TRANSPARENT, 0x4F06, 0x06, 2, 0, 32, 0, NO_FILL},
};
/* clang-format on */

/* A row as it is from this version of its template on. */
struct variant {
    uint8_t tag, index, since;
    struct upp_row row;
};

enum { TAG_USIM = 19, TAG_DF_5GS = 28 };

static const struct variant variants[] = {
    {TAG_USIM, 6, 2, {"ef-ust", "EF.UST", FILE_TRANSPARENT, 0x6F38, 0x04, 2, 0, 17, ROW_NEEDED, NO_FILL}},
    {TAG_DF_5GS,
     3,
     3,
     {"ef-5gs3gppnsc", "EF.5GS3GPPNSC", FILE_LINEAR, 0x4F03, 0x03, 5, 2, 62, ROW_HIGH, FILL("\xFF", 0)}},
    {TAG_DF_5GS,
     4,
     3,
     {"ef-5gsn3gppnsc", "EF.5GSN3GPPNSC", FILE_LINEAR, 0x4F04, 0x04, 5, 2, 62, ROW_HIGH, FILL("\xFF", 0)}},
    {TAG_DF_5GS,
     10,
     4,
     {"ef-routing-indicator", "EF.Routing_Indicator", FILE_TRANSPARENT, 0x4F0A, 0x0A, 2, 0, 4, 0,
      FILL("\xF0\xFF\x00", 0)}},
};

#define ROWS(array) array, sizeof array / sizeof array[0]

static const struct upp_template templates[] = {
    {16, 1, UPP_IS_MF, true, 1, ROWS(mf)},
    {17, 2, UPP_IN_MF, false, 1, ROWS(cd)},
    {18, 3, UPP_IN_MF, false, 2, ROWS(telecom)},
    {TAG_USIM, 4, UPP_IS_USIM, true, 2, ROWS(usim)},
    {20, 5, UPP_IN_USIM, false, 3, ROWS(opt_usim)},
    {21, 8, UPP_IS_ISIM, true, 1, ROWS(isim)},
    {22, 9, UPP_IN_ISIM, false, 2, ROWS(opt_isim)},
    {23, 6, UPP_IN_USIM, false, 1, ROWS(phonebook)},
    {24, 7, UPP_IN_USIM, false, 1, ROWS(gsm_access)},
    {27, 12, UPP_IN_USIM, false, 1, ROWS(eap)},
    {TAG_DF_5GS, 13, UPP_IN_USIM, false, 4, ROWS(df_5gs)},
    {29, 14, UPP_IN_USIM, false, 1, ROWS(df_saip)},
    {30, 15, UPP_IN_USIM, false, 1, ROWS(df_snpn)},
    {31, 16, UPP_IN_USIM, false, 1, ROWS(df_5gprose)},
};

const struct upp_template *upp_template(unsigned tag)
{
    for (size_t i = 0; i < sizeof templates / sizeof templates[0]; i++)
        if (templates[i].tag == tag)
            return &templates[i];
    return NULL;
}

const struct upp_row *upp_template_row(const struct upp_template *t, unsigned i, unsigned version)
{
    const struct upp_row *row = &t->rows[i];
    for (size_t k = 0; k < sizeof variants / sizeof variants[0]; k++)
        if (variants[k].tag == t->tag && variants[k].index == i && variants[k].since <= version)
            row = &variants[k].row;
    return row;
}

/* ---- names ---- */

/* clang-format off */
/* Files that no template has, but standards: 3GPP TS 31.102, TS 31.103, TS 51.011. */
static const struct known {
    const char *dir;
    uint16_t fid;
    const char *name;
} known[] = {
    {"ADF.USIM", 0x6F65, "EF.RPLMNAcTD"}, {"ADF.USIM", 0x6F02, "EF.OCST"},
    {"ADF.USIM", 0x6F0A, "EF.GBAUAPI"}, {"ADF.USIM", 0x6F0B, "EF.IMSDCI"}, {"ADF.USIM", 0x5F40, "DF.WLAN"},
    {"DF.WLAN", 0x4F41, "EF.Pseudo"}, {"DF.WLAN", 0x4F42, "EF.UPLMNWLAN"},
    {"DF.WLAN", 0x4F43, "EF.OPLMNWLAN"}, {"DF.WLAN", 0x4F44, "EF.UWSIDL"}, {"DF.WLAN", 0x4F45, "EF.OWSIDL"},
    {"DF.WLAN", 0x4F46, "EF.WRI"}, {"DF.WLAN", 0x4F47, "EF.HWSIDL"}, {"DF.WLAN", 0x4F48, "EF.WEHPLMNPI"},
    {"DF.WLAN", 0x4F49, "EF.WHPI"}, {"DF.WLAN", 0x4F4A, "EF.WLRPLMN"}, {"DF.WLAN", 0x4F4B, "EF.HPLMNDAI"},
    {"ADF.USIM", 0x5F50, "DF.HNB"}, {"DF.HNB", 0x4F81, "EF.ACSGL"}, {"DF.HNB", 0x4F82, "EF.CSGT"},
    {"DF.HNB", 0x4F83, "EF.HNBN"}, {"DF.HNB", 0x4F84, "EF.OCSGL"}, {"DF.HNB", 0x4F85, "EF.OCSGT"},
    {"DF.HNB", 0x4F86, "EF.OHNBN"}, {"ADF.USIM", 0x5F90, "DF.ProSe"}, {"DF.ProSe", 0x4F01, "EF.PROSE_MON"},
    {"DF.ProSe", 0x4F02, "EF.PROSE_ANN"}, {"DF.ProSe", 0x4F03, "EF.PROSEFUNC"},
    {"DF.ProSe", 0x4F04, "EF.PROSE_RADIO_COM"}, {"DF.ProSe", 0x4F05, "EF.PROSE_RADIO_MON"},
    {"DF.ProSe", 0x4F06, "EF.PROSE_RADIO_ANN"}, {"DF.ProSe", 0x4F07, "EF.PROSE_POLICY"},
    {"DF.ProSe", 0x4F08, "EF.PROSE_PLMN"}, {"DF.ProSe", 0x4F09, "EF.PROSE_GC"},
    {"DF.ProSe", 0x4F10, "EF.PST"}, {"DF.ProSe", 0x4F11, "EF.UIRC"},
    {"DF.ProSe", 0x4F12, "EF.PROSE_GM_DISCOVERY"}, {"DF.ProSe", 0x4F13, "EF.PROSE_RELAY"},
    {"DF.ProSe", 0x4F14, "EF.PROSE_RELAY_DISCOVERY"}, {"DF.SNPN", 0x4F02, "EF.NID"},
    {"DF.5G_ProSe", 0x4F07, "EF.5G_PROSE_U2URU"}, {"DF.5G_ProSe", 0x4F08, "EF.5G_PROSE_EU"},
    {"ADF.USIM", 0x5FF1, "DF.5MBSUECONFIG"}, {"DF.5MBSUECONFIG", 0x4F01, "EF.5MBSUECONFIG"},
    {"ADF.ISIM", 0x6F0A, "EF.GBAUAPI"}, {"ADF.ISIM", 0x6F0B, "EF.IMSDCI"}, {"DF.TELECOM", 0x6F3A, "EF.ADN"},
    {"DF.TELECOM", 0x6F3D, "EF.CCP"}, {"DF.TELECOM", 0x6F4F, "EF.ECCP"}, {"DF.TELECOM", 0x6F44, "EF.LND"},
    {"DF.TELECOM", 0x6F4A, "EF.EXT1"}, {"DF.TELECOM", 0x6F4E, "EF.EXT4"}, {"MF", 0x7F20, "DF.GSM"},
    {"DF.GSM", 0x6F05, "EF.LP"}, {"DF.GSM", 0x6F20, "EF.Kc"}, {"DF.GSM", 0x6F30, "EF.PLMNsel"},
    {"DF.GSM", 0x6F38, "EF.SST"}, {"DF.GSM", 0x6F74, "EF.BCCH"}, {"DF.GSM", 0x6FAE, "EF.Phase"},
    {"DF.GSM", 0x6F51, "EF.NIA"}, {"DF.GSM", 0x6F52, "EF.KcGPRS"}, {"DF.GSM", 0x6F53, "EF.LOCIGPRS"},
    {"DF.GSM", 0x6F63, "EF.CPBCCH"}, {"DF.GSM", 0x6F64, "EF.InvScan"},
};
/* clang-format on */

/* A template's files lie in its directory and, from a further directory on, in that. */
static const char *template_name(const struct upp_template *t, const char *dir, uint16_t fid)
{
    static const char *const places[] = {"", "MF", "", "ADF.USIM", "", "ADF.ISIM"};
    bool own = profile_is_df(t->rows[0].kind);
    const char *top = own ? t->rows[0].name : places[t->place], *current = top;
    for (unsigned i = 0; i < t->n; i++) {
        const struct upp_row *row = &t->rows[i];
        bool df = profile_is_df(row->kind);
        const char *lies_in = i == 0 && own ? places[t->place] : df ? top : current;
        if (df)
            current = row->name;
        if (row->fid == fid && (row->flags & ROW_MANY) == 0 && strcmp(lies_in, dir) == 0)
            return row->name;
    }
    return NULL;
}

static const char *name_in(const char *dir, uint16_t fid)
{
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (known[i].fid == fid && strcmp(known[i].dir, dir) == 0)
            return known[i].name;
    for (size_t i = 0; i < sizeof templates / sizeof templates[0]; i++) {
        const char *name = template_name(&templates[i], dir, fid);
        if (name != NULL)
            return name;
    }
    return NULL;
}

const char *upp_file_name(const char *dir, uint16_t fid)
{
    const char *name = name_in(dir, fid);
    /* DF.TELECOM and DF.GSM have the USIM's files under the USIM's FIDs (TS 51.011) */
    if (name == NULL && (strcmp(dir, "DF.TELECOM") == 0 || strcmp(dir, "DF.GSM") == 0) &&
        (fid & 0xFF00) == 0x6F00)
        name = name_in("ADF.USIM", fid);
    return name;
}
