import { fold } from '../database/fold.ts'
import type { Location } from './vocabulary.ts'

/** What `q` looks through: name, description and place. */
export const searchText = (group: { name: string; description: string | null; location: Location | null }): string => {
  const { address, city, region, postal_code, country, notes } = group.location ?? {}
  return fold(
    [group.name, group.description, address, city, region, postal_code, country, notes]
      .filter(part => part != null)
      .join('\n')
  )
}

/** The words of a search, each of which must occur. */
export const searchWords = (q: string): string[] => [...new Set(fold(q).split(' '))].filter(word => word !== '')
