/** A parameter of a call becomes a parameter of the definition around it: set at each of its calls. */

import { calleeOf } from './calls';
import { type Catalogue, type DesignDocument, type ParameterDeclaration, uniqueName } from './document';
import { Refusal, setParameter, withDefinition } from './edits';
import { expressionOf, reference } from './names';
import { signatureOf } from './signature';

/** The declared parameter and its value, or why it cannot be promoted. */
function promoted(document: DesignDocument, catalogue: Catalogue, place: string, id: string, parameter: string): ParameterDeclaration | Refusal {
  const around = document.definitions[place]!;
  const node = around.nodes[id]!;
  const declared = signatureOf(document, catalogue, calleeOf(around, node)).parameters.find((one) => one.name === parameter);
  if (!declared) return new Refusal(`${node.call} has no parameter ${parameter}`);
  const value = node.params?.[parameter] ?? declared.default;
  if (expressionOf(value, declared.type) !== undefined) return new Refusal(`${parameter} is the expression ${String(value)}: promote what it reads instead`);
  if (value === undefined || value === null) return new Refusal(`${parameter} has no value of its own to begin with`);
  const { name: _, inferred: __, ...kept } = declared;
  return { ...kept, default: value };
}

/** Why `parameter` of the call `id` cannot be promoted, or null. */
export function promoteRefusal(document: DesignDocument, catalogue: Catalogue, place: string, id: string, parameter: string): string | null {
  const one = promoted(document, catalogue, place, id, parameter);
  return one instanceof Refusal ? one.reason : null;
}

/** Declare the parameter on the definition, with the value it has now as default, and let the call read it. */
export function promote(document: DesignDocument, catalogue: Catalogue, place: string, id: string, parameter: string): DesignDocument | Refusal {
  const declared = promoted(document, catalogue, place, id, parameter);
  if (declared instanceof Refusal) return declared;
  const taken = document.definitions[place]!.parameters ?? {};
  const name = uniqueName(Object.hasOwn(taken, parameter) ? `${id}_${parameter}` : parameter, (one) => Object.hasOwn(taken, one));
  const widened = withDefinition(document, place, (one) => ({ ...one, parameters: { ...one.parameters, [name]: declared } }));
  return setParameter(widened, place, id, parameter, reference(name, declared.type));
}
