// One spelling for phone numbers that channels write in several ways. A pure function of the digits: it does
// not check that a number exists.
//
// - Brazil (55): mobile numbers have nine digits after the area code since 2016; WhatsApp keeps the eight of
// accounts that
//   are older in many areas. With the ninth. Source: Anatel resolution 553/2010 and its schedule for 2012 to
//   2016.
// - Mexico (52): the 1 of mobiles (521…) went out of use on 3 August 2019; WhatsApp ids keep it. Without it.
// Source: IFT,
//   Plan Técnico Fundamental de Numeración, 2018.
// - Argentina (54): mobiles are 54 9 from abroad, and area 15 number at home; WhatsApp ids have the 9, and
// what
//   people type may have the 15 or neither. A national number of ten digits is given once, to a mobile or a
//   landline, so it is one number with or without the 9. With it. Source: ENACOM, Plan Fundamental Nacional
//   de Numeración (E.164 notification of 2007, ITU Operational Bulletin).
#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace posthorn {

// `digits`: E.164 without '+'. What is no number of these countries comes back as it is.
std::string canonical_phone(std::string_view digits);

// The same for the beginning of a number, for search: numbers that start like `digits` have a canonical
// spelling that starts with one of these. Never empty.
std::vector<std::string> canonical_phone_prefixes(std::string_view digits);

// Every spelling under which lists and channels may have the number, the canonical one first.
std::vector<std::string> phone_spellings(std::string_view digits);

}  // namespace posthorn
