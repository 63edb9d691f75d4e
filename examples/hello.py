def main(args):
    print("greeting", args["name"])
    return {"greeting": f"Hello, {args['name']}!"}
