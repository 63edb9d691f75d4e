using System;
using System.IO;
using System.Linq;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Loader;
using System.Text;
using System.Threading.Tasks;
using Microsoft.Win32.SafeHandles;
using Newtonsoft.Json;
using Newtonsoft.Json.Linq;

namespace Quirl;

/// <summary>Says that the entry point is not in the code; the message is for the log.</summary>
internal sealed class MissingException : Exception
{
    internal MissingException(string message) : base(message) { }
}

/// <summary>
/// Runs one function: a request is a line on standard input, its result a line on file
/// descriptor 3, which first says that the function was found. It ends with its input.
/// </summary>
internal static class Launcher
{
    [DllImport("libc")] private static extern int dup(int descriptor);
    [DllImport("libc")] private static extern int dup2(int from, int to);
    [DllImport("libc")] private static extern int open(string path, int flags);

    private static readonly UTF8Encoding Utf8 = new(false);

    /// <summary>The arguments are Assembly::Namespace.Class::Method and the folder of the code.</summary>
    private static int Main(string[] args)
    {
        // What is descriptor 0 afterwards is empty, for functions and for their children.
        using var requests = new StreamReader(Open(dup(0), FileAccess.Read), Utf8);
        dup2(open("/dev/null", 0), 0);
        using var results = new StreamWriter(Open(3, FileAccess.Write), Utf8) { NewLine = "\n" };
        MethodInfo method;
        try
        {
            method = Find(args[0], Path.GetFullPath(args[1]));
        }
        catch (Exception failure)
        {
            Report(failure);
            return 1;
        }
        Answer(results, "{\"ok\":true}");
        while (requests.ReadLine() is { } line)
        {
            Answer(results, Run(method, line));
        }
        return 0;
    }

    private static FileStream Open(int descriptor, FileAccess access) =>
        new(new SafeFileHandle(descriptor, true), access, 4096, false);

    private static void Answer(StreamWriter results, string line)
    {
        results.WriteLine(line);
        results.Flush();
    }

    /// <summary>What compile makes of sources.</summary>
    private const string Compiled = "action";

    /// <summary>
    /// Finds Assembly::Namespace.Class::Method; Class::Method and Method alone are of the
    /// compiled sources. Whatever its class does when it is loaded is done.
    /// </summary>
    private static MethodInfo Find(string entry, string folder)
    {
        var parts = entry.Split("::");
        if (parts.Length > 3 || parts.Any(string.IsNullOrEmpty))
        {
            throw new MissingException($"Entry point '{entry}' is not of the form Assembly::Namespace.Class::Method.");
        }
        Directory.SetCurrentDirectory(folder);
        var assembly = Load(parts.Length == 3 ? parts[0] : Compiled, folder);
        RuntimeHelpers.RunModuleConstructor(assembly.ManifestModule.ModuleHandle);
        var classes = parts.Length == 1
            ? assembly.GetTypes()
            : new[]
            {
                assembly.GetType(parts[^2])
                    ?? throw new MissingException($"Entry point '{entry}': assembly {assembly.GetName().Name} has no class {parts[^2]}."),
            };
        var methods = classes.Select(type => Method(type, parts[^1])).OfType<MethodInfo>().ToList();
        if (methods.Count != 1)
        {
            var count = methods.Count == 0 ? "no public method" : "several public methods";
            throw new MissingException($"Entry point '{entry}': there is {count} {parts[^1]} of a JObject, a JArray or a JToken.");
        }
        RuntimeHelpers.RunClassConstructor(methods[0].DeclaringType!.TypeHandle);
        return methods[0];
    }

    private static MethodInfo? Method(Type type, string name) =>
        new[] { typeof(JObject), typeof(JArray), typeof(JToken) }
            .Select(value => type.GetMethod(name, BindingFlags.Public | BindingFlags.Static | BindingFlags.Instance, new[] { value }))
            .FirstOrDefault(method => method != null);

    /// <summary>Loads an assembly; Newtonsoft.Json is ours, so that its types are the same on both sides.</summary>
    private static Assembly Load(string name, string folder)
    {
        var file = Path.Combine(folder, name + ".dll");
        if (!File.Exists(file))
        {
            throw new MissingException($"The code does not include {name}.dll.");
        }
        var resolver = new AssemblyDependencyResolver(file);
        AssemblyLoadContext.Default.Resolving += (context, wanted) =>
        {
            var path = resolver.ResolveAssemblyToPath(wanted) ?? Path.Combine(folder, wanted.Name + ".dll");
            return File.Exists(path) ? context.LoadFromAssemblyPath(path) : null;
        };
        return AssemblyLoadContext.Default.LoadFromAssemblyPath(file);
    }

    private static string Run(MethodInfo method, string line)
    {
        try
        {
            using var reader = new JsonTextReader(new StringReader(line)) { DateParseHandling = DateParseHandling.None };
            var request = JObject.Load(reader);
            foreach (var (key, value) in request)
            {
                if (key != "value" && value?.Type == JTokenType.String)
                {
                    Environment.SetEnvironmentVariable("__OW_" + key.ToUpperInvariant(), (string?)value);
                }
            }
            return Text(Call(method, request["value"] ?? new JObject()));
        }
        catch (Exception failure)
        {
            var cause = failure is TargetInvocationException { InnerException: { } inner } ? inner : failure;
            Report(cause);
            return new JObject { ["error"] = cause.Message }.ToString(Formatting.None);
        }
        finally
        {
            Console.Out.Flush();
            Console.Error.Flush();
        }
    }

    private static object? Call(MethodInfo method, JToken value)
    {
        if (!method.GetParameters()[0].ParameterType.IsInstanceOfType(value))
        {
            throw new ArgumentException($"{method.Name} takes no {value.Type}.");
        }
        var target = method.IsStatic ? null : Activator.CreateInstance(method.DeclaringType!);
        var result = method.Invoke(target, new object[] { value });
        if (result is not Task task)
        {
            return result;
        }
        task.GetAwaiter().GetResult();
        return task.GetType().GetProperty("Result")?.GetValue(task);
    }

    /// <summary>What is neither an object nor an array is refused by who reads it.</summary>
    private static string Text(object? value) =>
        value is JToken token ? token.ToString(Formatting.None) : JsonConvert.SerializeObject(value);

    private static void Report(Exception failure) =>
        Console.Error.WriteLine(failure is MissingException ? failure.Message : failure.ToString());
}
