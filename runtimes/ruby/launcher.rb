# frozen_string_literal: true

# Runs one function: a request is a line on standard input, its result a line on
# file descriptor 3, which first says that the function was found. It ends with its
# input. The arguments are the entry point and the folder with the code, whose main
# file is main.rb, or exec where one file was uploaded.
#
# Start with `ruby --disable=gems,did_you_mean,error_highlight,syntax_suggest`:
# gems are loaded when a function asks for one.

module Quirl
  NOT_JSON = 'The action did not return a dictionary or array.'

  class Missing < StandardError; end

  class << self
    def start(name, folder)
      # What is descriptor 0 afterwards is empty, for functions and for their children.
      @requests = $stdin.dup
      $stdin.reopen(File::NULL)
      @results = IO.for_fd(3, 'w', autoclose: false)
      @results.close_on_exec = true
      [@requests, @results].each { |stream| stream.set_encoding(Encoding::UTF_8) }
      $stdout.sync = $stderr.sync = true
      load_code(name, folder)
      answer('{"ok":true}')
      serve
    end

    private

    def load_code(name, folder)
      Dir.chdir(folder)
      file = %w[main.rb exec].map { |known| File.join(folder, known) }.find { |path| File.file?(path) }
      raise Missing, 'Zip file does not include main.rb' unless file

      $LOAD_PATH.unshift(folder)
      bundle(folder)
      run_main(file)
      @function = TOPLEVEL_BINDING.receiver.method(name)
    rescue NameError => e
      fail_start(e.receiver.equal?(TOPLEVEL_BINDING.receiver) && e.name.to_s == name ? Missing.new("There is no method #{name} in the code.") : e)
    rescue Exception => e # rubocop:disable Lint/RescueException -- also exit: nothing the code does may pass for a start
      fail_start(e)
    end

    # A vendored bundle is found as `bundle install --standalone` or `--path vendor` leaves it.
    def bundle(folder)
      setup = File.join(folder, 'bundle', 'bundler', 'setup.rb')
      setup = File.join(folder, 'vendor', 'bundle', 'bundler', 'setup.rb') unless File.file?(setup)
      return require(setup) if File.file?(setup)

      Dir[File.join(folder, 'vendor', 'bundle', 'ruby', '*', 'gems', '*', 'lib')].each { |lib| $LOAD_PATH << lib }
    end

    def run_main(file)
      source = File.binread(file).force_encoding(Encoding::UTF_8)
      raise Missing, 'The code is neither an archive nor a Ruby source: syntax error.' if source.byteslice(0, 4096).include?("\0")

      name = File.join(File.dirname(file), 'main.rb')
      eval(source, TOPLEVEL_BINDING, name, 1) # rubocop:disable Security/Eval -- running it is what we are for
    end

    def fail_start(error)
      report(error)
      exit!(1)
    end

    def serve
      while (line = @requests.gets)
        answer(run(line))
      end
      exit!(0)
    end

    def run(line)
      request = JSON.parse(line)
      request.each { |key, value| ENV["__OW_#{key.upcase}"] = value if key != 'value' && value.is_a?(String) }
      encode(@function.call(request.fetch('value', {})))
    rescue SystemExit
      raise
    rescue Exception => e # rubocop:disable Lint/RescueException -- the function's own failure is its result
      report(e)
      JSON.generate('error' => e.message.dup.force_encoding(Encoding::UTF_8).scrub)
    ensure
      $stdout.flush
      $stderr.flush
    end

    # What is neither an object nor an array is refused by who reads it.
    def encode(value)
      return JSON.generate(value) if value.is_a?(Hash) || value.is_a?(Array)
      return JSON.generate(value.to_h) if value.is_a?(Struct)

      warn "Result must be a Hash or an Array but is #{value.class}"
      'null'
    rescue JSON::GeneratorError, JSON::NestingError, Encoding::UndefinedConversionError => e
      report(e)
      'null'
    end

    # Prints an error without the frames of this file.
    def report(error)
      if error.is_a?(Missing)
        STDERR.puts(error.message)
      else
        frames = error.backtrace&.take_while { |frame| !frame.start_with?(__FILE__) }
        error.set_backtrace(frames) if frames
        STDERR.puts(error.full_message(highlight: false, order: :top))
      end
    end

    def answer(line)
      @results.write(line, "\n")
      @results.flush
    end
  end
end

require 'json'
Quirl.start(ARGV.shift, File.expand_path(ARGV.shift))
