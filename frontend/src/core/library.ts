/** Composite definitions that can be put into a design: they become its own, with all that they call. */

import type { Catalogue, Definition, DesignDocument, ParameterDeclaration, Value } from './document';
import { type Signature, signatureOf } from './signature';

export interface Composite {
  name: string;
  family: string;
  title: string;
  summary: string;
  /** The definition and those that it calls. */
  definitions: Record<string, Definition>;
}

export type Library = Record<string, Composite>;

/** What the library offers and the design does not have yet. */
export function offered(document: DesignDocument, library: Library): string[] {
  return Object.keys(library).filter((name) => !Object.hasOwn(document.definitions, name));
}

/** The design with what fills a socket, where that is a composite that the design does not have yet. */
export function withFilling(document: DesignDocument, library: Library, value: Value | undefined): DesignDocument {
  const composite = typeof value === 'string' && !Object.hasOwn(document.definitions, value) ? library[value] : undefined;
  return composite ? withComposite(document, composite) : document;
}

/** What may fill a socket: the names that its help tells first, then everything else that can be called. */
export function fillings(declaration: ParameterDeclaration, document: DesignDocument, catalogue: Catalogue, library: Library): string[] {
  const known = new Set([...Object.keys(document.definitions), ...Object.keys(library), ...Object.keys(catalogue)]);
  const told = (declaration.help ?? '').match(/\w+/g)?.filter((word) => known.has(word)) ?? [];
  return [...new Set([...told, ...known])];
}

/** The signature of a composite, as if the design had it. */
export function compositeSignature(document: DesignDocument, catalogue: Catalogue, composite: Composite): Signature {
  const signature = signatureOf(withComposite(document, composite), catalogue, composite.name);
  return { ...signature, title: composite.title, family: composite.family };
}

/** The design with a composite and what it calls; a definition that the design has under that name stays. */
export function withComposite(document: DesignDocument, composite: Composite): DesignDocument {
  return { ...document, definitions: { ...composite.definitions, ...document.definitions } };
}
