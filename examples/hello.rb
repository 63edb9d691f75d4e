def main(args)
  name = args['name'] || 'stranger'
  puts "greeting #{name}"
  { greeting: "Hello, #{name}!" }
end
