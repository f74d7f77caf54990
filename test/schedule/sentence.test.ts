import t from 'tap'
import { sentenceOf } from '../../src/schedule/sentence.ts'

const series = { starts_on: '2026-11-24', start_time: '19:00', time_zone: 'America/New_York' }

/** In English, Spanish, French and German. */
const told: Record<string, [string, string, string, string]> = {
  'FREQ=MONTHLY;BYDAY=2TU,4TU': [
    'Every 2nd and 4th Tuesday at 19:00',
    'Cada 2.º y 4.º martes a las 19:00',
    'Chaque 2e et 4e mardi à 19:00',
    'Jeden 2. und 4. Dienstag um 19:00 Uhr'
  ],
  'FREQ=WEEKLY': [
    'Every Tuesday at 19:00',
    'Cada martes a las 19:00',
    'Chaque mardi à 19:00',
    'Jeden Dienstag um 19:00 Uhr'
  ],
  'FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,TH': [
    'Every 2 weeks on Tuesday and Thursday at 19:00',
    'Cada 2 semanas el martes y jueves a las 19:00',
    'Toutes les 2 semaines le mardi et jeudi à 19:00',
    'Alle 2 Wochen am Dienstag und Donnerstag um 19:00 Uhr'
  ],
  'FREQ=MONTHLY;BYDAY=2TU': [
    'Every 2nd Tuesday of the month at 19:00',
    'Cada 2.º martes del mes a las 19:00',
    'Chaque 2e mardi du mois à 19:00',
    'Jeden 2. Dienstag im Monat um 19:00 Uhr'
  ],
  'FREQ=MONTHLY;BYDAY=-1FR': [
    'Every last Friday of the month at 19:00',
    'Cada último viernes del mes a las 19:00',
    'Chaque dernier vendredi du mois à 19:00',
    'Jeden letzten Freitag im Monat um 19:00 Uhr'
  ],
  'FREQ=MONTHLY;BYDAY=1MO,3TH': [
    'Every 1st Monday and 3rd Thursday at 19:00',
    'Cada 1.º lunes y 3.º jueves a las 19:00',
    'Chaque 1er lundi et 3e jeudi à 19:00',
    'Jeden 1. Montag und 3. Donnerstag um 19:00 Uhr'
  ],
  'FREQ=MONTHLY;INTERVAL=2;BYDAY=1MO': [
    'Every 2 months on the 1st Monday at 19:00',
    'Cada 2 meses el 1.º lunes a las 19:00',
    'Tous les 2 mois le 1er lundi à 19:00',
    'Alle 2 Monate am 1. Montag um 19:00 Uhr'
  ],
  'FREQ=MONTHLY;INTERVAL=2;BYDAY=TU': [
    'Every 2 months on every Tuesday at 19:00',
    'Cada 2 meses cada martes a las 19:00',
    'Tous les 2 mois chaque mardi à 19:00',
    'Alle 2 Monate an jedem Dienstag um 19:00 Uhr'
  ],
  'FREQ=MONTHLY': [
    'Every month on the 24th at 19:00',
    'Cada mes el día 24 a las 19:00',
    'Chaque mois le 24 à 19:00',
    'Jeden Monat am 24. um 19:00 Uhr'
  ],
  'FREQ=MONTHLY;BYMONTHDAY=1,15,-1': [
    'Every month on the 1st, 15th and last day at 19:00',
    'Cada mes el día 1, día 15 y último día a las 19:00',
    'Chaque mois le 1er, 15 et dernier jour à 19:00',
    'Jeden Monat am 1., 15. und letzten Tag um 19:00 Uhr'
  ],
  'FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13': [
    'Every month on the 13th at 19:00, if it is a Friday',
    'Cada mes el día 13 a las 19:00, si es viernes',
    'Chaque mois le 13 à 19:00, si c’est un vendredi',
    'Jeden Monat am 13. um 19:00 Uhr, falls das ein Freitag ist'
  ],
  'FREQ=MONTHLY;BYDAY=MO,TU;BYSETPOS=1,-1': [
    'Every month at 19:00, on the 1st and last of these days: Monday and Tuesday',
    'Cada mes a las 19:00, el 1.º y último de estos días: lunes y martes',
    'Chaque mois à 19:00, le 1er et dernier de ces jours : lundi et mardi',
    'Jeden Monat um 19:00 Uhr, am 1. und letzten dieser Tage: Montag und Dienstag'
  ],
  'FREQ=DAILY': ['Every day at 19:00', 'Cada día a las 19:00', 'Chaque jour à 19:00', 'Jeden Tag um 19:00 Uhr'],
  'FREQ=DAILY;BYDAY=MO': [
    'Every Monday at 19:00',
    'Cada lunes a las 19:00',
    'Chaque lundi à 19:00',
    'Jeden Montag um 19:00 Uhr'
  ],
  'FREQ=DAILY;INTERVAL=3;BYMONTHDAY=1,15': [
    'Every 3 days at 19:00, if it is the 1st or 15th',
    'Cada 3 días a las 19:00, si es el día 1 o día 15',
    'Tous les 3 jours à 19:00, si c’est le 1er ou 15',
    'Alle 3 Tage um 19:00 Uhr, falls das der 1. oder 15. ist'
  ],
  'FREQ=WEEKLY;COUNT=10': [
    'Every Tuesday at 19:00, 10 times',
    'Cada martes a las 19:00, 10 veces',
    'Chaque mardi à 19:00, 10 fois',
    'Jeden Dienstag um 19:00 Uhr, 10-mal'
  ],
  'FREQ=WEEKLY;UNTIL=20261231': [
    'Every Tuesday at 19:00, until 31 December 2026',
    'Cada martes a las 19:00, hasta el 31 de diciembre de 2026',
    'Chaque mardi à 19:00, jusqu’au 31 décembre 2026',
    'Jeden Dienstag um 19:00 Uhr, bis 31. Dezember 2026'
  ]
}

t.test('a rule as a person would say it', async t => {
  for (const [rrule, sentences] of Object.entries(told)) {
    const said = ['en', 'es', 'fr', 'de'].map(language => sentenceOf({ ...series, rrule }, language))
    t.same(said, sentences, rrule)
  }
})

t.test('a language with a region is that language, and one that it does not know is told in English', async t => {
  const rrule = 'FREQ=WEEKLY'
  t.equal(sentenceOf({ ...series, rrule }, 'es-419'), 'Cada martes a las 19:00')
  t.equal(sentenceOf({ ...series, rrule }, 'pt-BR'), 'Every Tuesday at 19:00')
  t.equal(sentenceOf({ ...series, rrule, start_time: '01:15' }, 'es'), 'Cada martes a la 01:15')
})

t.test('the last day is one where it is, and none on which it does not meet any more', async t => {
  // 19:00 in New York is midnight in UTC.
  const until = (UNTIL: string) => sentenceOf({ ...series, rrule: `FREQ=WEEKLY;UNTIL=${UNTIL}` })
  t.match(until('20261223T000000Z'), /until 22 December 2026$/, 'at that very second it still meets')
  t.match(until('20261222T235959Z'), /until 21 December 2026$/)
  const ended = { ...series, rrule: 'FREQ=WEEKLY;UNTIL=20261231', ends_on: '2026-12-08' }
  const first = { ...series, rrule: 'FREQ=WEEKLY;UNTIL=20270201' }
  t.match(sentenceOf(first, 'fr'), /jusqu’au 1er février 2027$/)
  t.match(sentenceOf({ ...first, rrule: 'FREQ=WEEKLY;UNTIL=20270211' }, 'fr'), /jusqu’au 11 février 2027$/)
  t.match(sentenceOf(ended), /until 8 December 2026$/, 'whoever ended it comes first')
})
