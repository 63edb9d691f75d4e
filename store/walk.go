package store

// WalkPage is how many values a walk reads at once.
const WalkPage = 500

// WalkPages calls each for all that page returns, which is at most WalkPage values past the
// one whose key it is given, in the order of their keys.
func WalkPages[T any](after string, key func(T) string, page func(after string) ([]T, error), each func(T) error) error {
	for {
		values, err := page(after)
		if err != nil {
			return err
		}
		for _, v := range values {
			if err := each(v); err != nil {
				return err
			}
		}
		if len(values) < WalkPage {
			return nil
		}
		after = key(values[len(values)-1])
	}
}

// Limits are those that a namespace has of its own.
type Limits struct {
	Namespace string
	Document  []byte
}
