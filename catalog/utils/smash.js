/**
 * Puts all arguments under one name, that in $fieldName.
 * @param {{$fieldName: string}} args
 */
function main({ $fieldName, ...rest }) {
  if (typeof $fieldName !== 'string') {
    return { error: "Expected an argument '$fieldName' of type 'string'." };
  }
  return { [$fieldName]: rest };
}
