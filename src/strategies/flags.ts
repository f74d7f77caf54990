import type { StrategyFlag } from './vocabulary.ts'

/** What a card says, as far as the rules read it. */
export interface Content {
  title: string
  summary: string | null
  when_it_helps: string | null
  steps: string[]
  links: { title: string }[]
  source: string | null
  nickname: string | null
}

export const textOf = ({ title, summary, when_it_helps, steps, links, source, nickname }: Content): string =>
  [title, summary, when_it_helps, ...steps, ...links.map(link => link.title), source, nickname]
    .filter(part => part !== null)
    .join('\n')

/** An amount and a unit of medicine, in the languages that cards are searched in: `20 mg`, `two pills`, `10 gotas`. */
const amount = String.raw`(?:\d+(?:[.,/]\d+)?|[¼½¾]|(?:half|quarter)(?:[\s-]+(?:of[\s-]+)?an?)?|an?|one|two|three|four|medi[ao]|un[ao]?|dos|tres|une|demie?|quart[\s-]+de|deux|trois|eine?r?n?|halbe[nrs]?|viertel|zwei|drei)`
const unit =
  '(?:mgs?|mcg|µg|ug|ml|cc|iu|ie|ui|milligrams?|miligramos?|milligrammes?|milligramm|micrograms?|tablets?|tabletas?|tabletten?|pills?|pastillas?|pilules?|pillen?|capsules?|cápsulas?|gélules?|kapseln?|drops?|gotas?|gouttes?|tropfen|comprimidos?|comprimés?|gummies|gummy|lozenges?|patch(?:es)?|puffs?|doses?|dosis)'
const dose = new RegExp(String.raw`(?<![\p{L}\p{N}])${amount}[\s\u00a0-]{0,3}${unit}(?![\p{L}\p{N}])`, 'iu')

const email = /[^\s@]{1,64}@[\p{L}\p{N}-]{1,63}\.[\p{L}]{2,24}/u
const phone = /(?<![\p{L}\p{N}])\+?\(?\d(?:[\s().-]{0,2}\d){8,14}(?!\d)/u
const handle = /(?<![\p{L}\p{N}.@])@[\p{L}\p{N}_.]{3,30}/u

/** A title and a name: `Dr. Weber`, `Mrs Lopez`, `Señora Ruiz`. */
const addressed =
  /(?<![\p{L}\p{N}])(?:Dr|Mr|Mrs|Ms|Prof|Herr|Frau|M|Mme|Mlle|Sr|Sra|Señora?|Doña?)\.?[ \u00a0]\p{Lu}\p{Ll}{2,}/u

/** The words of a text or name, folded or not. */
export const wordsOf = (text: string): string[] => text.split(/[^\p{L}\p{N}]+/u).filter(word => word !== '')

const withoutAccents = (text: string): string => text.normalize('NFKD').replace(/\p{M}+/gu, '')

/**
 * Whether the text has the name, written as a name: `Sun` and not the sun. Accents and what stands between the words do not
 * matter. Scripts without capitals count as they are.
 */
export function saysName(text: string, name: string): boolean {
  const words = wordsOf(withoutAccents(name))
  if (words.length === 0) return false
  const between = String.raw`[^\p{L}\p{N}]+`
  const pattern = String.raw`(?<![\p{L}\p{N}])${words.join(between)}(?![\p{L}\p{N}])`
  const found = withoutAccents(text).match(new RegExp(pattern, 'giu')) ?? []
  return found.some(one => !/^\p{Ll}/u.test(one))
}

/**
 * What a reviewer should look at. A rule notices and never refuses: a card may well name a river or a number of breaths.
 *
 * @param names of people that may occur in the text
 */
export function flagsOf(content: Content, names: string[]): StrategyFlag[] {
  const text = textOf(content)
  const flags: StrategyFlag[] = []
  if (addressed.test(text) || names.some(name => saysName(text, name))) flags.push('names_person')
  if (email.test(text) || phone.test(text) || handle.test(text)) flags.push('contact_details')
  if (dose.test(text)) flags.push('gives_dose')
  return flags
}
