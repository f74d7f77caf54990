/**
 * What a Meeting Guide type code says about a group. One code may say nothing (`ignore`), never two things.
 *
 * - `language`: a BCP 47 tag in the canonical form that `Intl.getCanonicalLocales` gives, so that a later
 *   canonicalisation changes nothing and a list sent again stays unchanged
 * - `topic`: lower case and hyphenated, because people filter by it
 * - `accessibility`, `audience`: a short English phrase, because people read it
 */
export interface MeetingTypeMeaning {
  language?: string
  accessibility?: string
  audience?: string
  topic?: string
  ignore?: true
}

/**
 * The 87 codes of the Meeting Guide format (code4recovery/spec, `data/types.json`).
 *
 * `C` means that the meeting is for members of the fellowship. It is not our access `closed` (closed to new members
 * once formed): a newcomer is welcome at a `C` meeting, so it becomes a note for the audience.
 */
export const meetingGuideTypes: Readonly<Record<string, MeetingTypeMeaning>> = {
  '11': { topic: '11th-step-meditation' },
  '12x12': { topic: 'steps-and-traditions' },
  A: { topic: 'secular' },
  ABSI: { topic: 'as-bill-sees-it' },
  AF: { language: 'af' },
  AL: { audience: 'concurrent with Alateen' },
  'AL-AN': { audience: 'concurrent with Al-Anon' },
  AM: { language: 'am' },
  AR: { language: 'ar' },
  ASL: { accessibility: 'American Sign Language' },
  B: { topic: 'big-book' },
  BA: { accessibility: 'babysitting available' },
  BE: { audience: 'newcomers' },
  BG: { language: 'bg' },
  BI: { audience: 'bisexual people' },
  BRK: { topic: 'breakfast' },
  C: { audience: 'fellowship members only' },
  CAN: { topic: 'candlelight' },
  CF: { accessibility: 'child-friendly' },
  D: { topic: 'discussion' },
  DA: { language: 'da' },
  // How the collection is taken says nothing to somebody who looks for a group.
  DB: { ignore: true },
  DD: { topic: 'dual-diagnosis' },
  DE: { language: 'de' },
  DR: { topic: 'daily-reflections' },
  EL: { language: 'el' },
  EN: { language: 'en' },
  FA: { language: 'fa' },
  FF: { accessibility: 'fragrance free' },
  FI: { language: 'fi' },
  FR: { language: 'fr' },
  G: { audience: 'gay people' },
  GR: { topic: 'grapevine' },
  H: { topic: 'birthday' },
  HE: { language: 'he' },
  HI: { language: 'hi' },
  HR: { language: 'hr' },
  HU: { language: 'hu' },
  IS: { language: 'is' },
  ITA: { language: 'it' },
  JA: { language: 'ja' },
  KA: { language: 'ka' },
  KOR: { language: 'ko' },
  L: { audience: 'lesbians' },
  LGBTQ: { audience: 'LGBTQ people' },
  LIT: { topic: 'literature' },
  LS: { topic: 'living-sober' },
  LT: { language: 'lt' },
  M: { audience: 'men' },
  MED: { topic: 'meditation' },
  ML: { language: 'ml' },
  MT: { language: 'mt' },
  N: { audience: 'Native American people' },
  NB: { audience: 'non-binary people' },
  NDG: { audience: 'Indigenous people' },
  NE: { language: 'ne' },
  NL: { language: 'nl' },
  NO: { language: 'no' },
  O: { audience: 'open to all' },
  OUT: { topic: 'outdoor' },
  P: { audience: 'professionals' },
  POA: { topic: 'proof-of-attendance' },
  POC: { audience: 'people of color' },
  POL: { language: 'pl' },
  POR: { language: 'pt' },
  PUN: { language: 'pa' },
  RUS: { language: 'ru' },
  S: { language: 'es' },
  SEN: { audience: 'seniors' },
  SK: { language: 'sk' },
  SL: { language: 'sl' },
  SM: { accessibility: 'smoking permitted' },
  SP: { topic: 'speaker' },
  ST: { topic: 'step-study' },
  SV: { language: 'sv' },
  T: { audience: 'transgender people' },
  // Decides the mode and the status of the group: see `readMeeting`.
  TC: { ignore: true },
  TH: { language: 'th' },
  // Tagalog; `fil` is the canonical form of `tl` (CLDR).
  TL: { language: 'fil' },
  // Not Turkish, which is TUR.
  TR: { topic: 'tradition-study' },
  TUR: { language: 'tr' },
  UK: { language: 'uk' },
  W: { audience: 'women' },
  X: { accessibility: 'wheelchair access' },
  XB: { accessibility: 'wheelchair-accessible bathroom' },
  XT: { topic: 'cross-talk' },
  Y: { audience: 'young people' }
}

/**
 * Codes that lists carry besides the 87: those that the format's README reserves as proposed, and those that
 * directories add by themselves. `ONL` (online) and `LOC` repeat what link, phone and address say better.
 */
export const otherTypes: Readonly<Record<string, MeetingTypeMeaning>> = {
  'BV-I': { accessibility: 'blind and visually impaired' },
  'D-HOH': { accessibility: 'deaf and hard of hearing' },
  ES: { language: 'es' },
  LOC: { ignore: true },
  ONL: { ignore: true },
  QSL: { accessibility: 'Quebec Sign Language' },
  RSL: { accessibility: 'Russian Sign Language' }
}

// A Map, so that a code such as `constructor` finds nothing; upper case, so that `12x12` and `o` are found as well.
const meanings = new Map(
  [...Object.entries(meetingGuideTypes), ...Object.entries(otherTypes)].map(([code, meaning]) => [
    code.toUpperCase(),
    meaning
  ])
)

/** What a code means, whatever its case; an unknown code is ignored, as the format's README asks of importers. */
export function meaningOfType(code: string): MeetingTypeMeaning {
  return meanings.get(code.trim().toUpperCase()) ?? { ignore: true }
}
